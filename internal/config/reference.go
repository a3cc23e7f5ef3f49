package config

import (
	"fmt"
	"io"
	"strings"
)

// Reference writes a section for docs/configuration.md: the title as a heading
// and a Markdown table with a row for each setting of the struct that cfg points
// to. What it writes depends on the tags alone.
func Reference(w io.Writer, title string, cfg any) error {
	own, err := fieldsOf(new(location))
	if err != nil {
		return err
	}
	fields, err := fieldsOf(cfg)
	if err != nil {
		return err
	}
	var page strings.Builder
	fmt.Fprintf(&page, "## %s\n\n", title)
	page.WriteString("| flag | variable | file key | default | meaning |\n")
	page.WriteString("| --- | --- | --- | --- | --- |\n")
	for _, f := range own {
		f.writeRow(&page, "")
	}
	for _, f := range fields {
		f.writeRow(&page, f.name)
	}
	_, err = io.WriteString(w, page.String())
	return err
}

// writeRow escapes what would end a cell (GitHub Flavored Markdown, section 4.10).
func (f *field) writeRow(page *strings.Builder, key string) {
	for _, cell := range []string{f.flagCell(), f.variableCell(), code(key), code(f.def), f.meaningCell()} {
		fmt.Fprintf(page, "| %s ", strings.ReplaceAll(cell, "|", `\|`))
	}
	page.WriteString("|\n")
}

func (f *field) flagCell() string {
	if f.short == "" {
		return code("--" + f.name)
	}
	return code("-"+f.short) + ", " + code("--"+f.name)
}

func (f *field) variableCell() string {
	if f.sketch.name == "" {
		return code(envName(f.name))
	}
	return code(envName(f.name)) + ", " + code(f.sketch.name)
}

func (f *field) meaningCell() string {
	if isList(f.target()) {
		return f.help + " (repeatable)"
	}
	return f.help
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}
