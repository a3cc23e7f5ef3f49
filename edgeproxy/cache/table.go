package cache

// fence says what invalidations did to one selector, later ones joined to it.
type fence struct {
	// hard is the generation of the last hard invalidation, 0 for none.
	hard uint64
	// soft are the soft ones since the last hard one.
	soft graces
	// settleUntil ends the time, in Unix milliseconds, in which nothing that is
	// covered and whose fetch begins is stored. 0: none.
	settleUntil int64
}

func (f fence) join(later fence) fence {
	if later.hard > f.hard {
		f.hard, f.soft = later.hard, nil
	}
	f.soft = f.soft.with(later.soft)
	f.settleUntil = max(f.settleUntil, later.settleUntil)
	return f
}

// verdict is what the fences say of one response.
type verdict struct {
	// began is the generation at which the response's fetch began.
	began uint64
	// hard: it must not be used.
	hard bool
	// softAt is when it became stale, in Unix milliseconds; 0: it did not.
	softAt int64
	// settleUntil is as in fence.
	settleUntil int64
}

func (v *verdict) fenced() bool { return v.hard || v.softAt != 0 }

func (v *verdict) add(f fence) {
	v.hard = v.hard || f.hard > v.began
	v.settleUntil = max(v.settleUntil, f.settleUntil)
	if at := f.soft.since(v.began); at != 0 && (v.softAt == 0 || at < v.softAt) {
		v.softAt = at
	}
}

// table holds fences so that those covering a response are found by a few map
// look-ups, however many there are.
type table struct {
	all                      fence
	tags, keys               map[string]fence
	tagPrefixes, keyPrefixes prefixes
}

func newTable() *table {
	return &table{
		tags: map[string]fence{}, keys: map[string]fence{},
		tagPrefixes: newPrefixes(), keyPrefixes: newPrefixes(),
	}
}

func (t *table) put(s selector, f fence) {
	switch s.kind {
	case kindAll:
		t.all = t.all.join(f)
	case kindTag:
		t.tags[s.text] = t.tags[s.text].join(f)
	case kindKey:
		t.keys[s.text] = t.keys[s.text].join(f)
	case kindTagPrefix, kindKeyPrefix:
		t.prefixes(s.kind).put(s.text, f)
	}
}

func (t *table) has(s selector) bool {
	ok := true
	switch s.kind {
	case kindTag:
		_, ok = t.tags[s.text]
	case kindKey:
		_, ok = t.keys[s.text]
	case kindTagPrefix, kindKeyPrefix:
		_, ok = t.prefixes(s.kind).fences[s.text]
	}
	return ok
}

// prefixes gives those of a kind, nil for a kind without.
func (t *table) prefixes(k kind) *prefixes {
	switch k {
	case kindTagPrefix:
		return &t.tagPrefixes
	case kindKeyPrefix:
		return &t.keyPrefixes
	}
	return nil
}

func (t *table) size() int {
	return len(t.tags) + len(t.keys) + len(t.tagPrefixes.fences) + len(t.keyPrefixes.fences)
}

// lengths counts the distinct lengths of prefixes.
func (t *table) lengths() int { return len(t.tagPrefixes.lengths) + len(t.keyPrefixes.lengths) }

func (t *table) judge(began uint64, p *place, tags []string) verdict {
	v := verdict{began: began}
	v.add(t.all)
	onSite := p.onSite()
	v.add(t.keys[p.url]) // of Invalidate, and of versions without anyScheme, as below
	v.add(t.keys[onSite])
	v.add(t.keys[p.path])
	if len(p.path) != len(p.target) {
		v.add(t.keys[p.target])
	}
	t.keyPrefixes.judge(&v, p.url)
	t.keyPrefixes.judge(&v, onSite)
	t.keyPrefixes.judge(&v, p.target)
	for _, tag := range tags {
		v.add(t.tags[tag])
		t.tagPrefixes.judge(&v, tag)
	}
	return v
}
