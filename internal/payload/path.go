package payload

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

// The paths are the subset of GJSON's that looks something up: names, indexes,
// wildcards, `#` and queries. None transforms the payload or creates JSON.

// The limits of a path.
const (
	maxPath   = 256 // bytes
	maxHashes = 6   // `#`, each of which iterates over a list
	maxStars  = 6   // `*`
)

// whole is the path of the whole payload.
const whole = "@this"

// path is a parsed path: chains, each of which is applied to the result of the
// one before.
type path []chain

// chain is a sequence of steps.
type chain []step

// step is what stands between two dots. Its meaning depends on the value that
// it is applied to.
type step struct {
	name  string // of a member, or an index
	wild  bool   // the name is a pattern
	hash  bool   // the entries of a list, or their number
	query *query // some of its entries

	// names are those of this step and the plain ones after it, which are followed
	// in one pass.
	names []string
}

// query selects entries of a list.
type query struct {
	path     path // to the value that is compared, or must exist
	operator string
	value    string
	all      bool // not only the first one
}

// parsePath parses a path.
func parsePath(text string) (path, error) {
	switch {
	case text == whole:
		return nil, nil
	case text == "":
		return nil, errors.New("a path is required")
	case len(text) > maxPath:
		return nil, fmt.Errorf("at most %d bytes are allowed", maxPath)
	case strings.HasPrefix(text, ".."):
		return nil, errors.New("a path must begin with a name")
	}
	p := parser{text: text}
	made, err := p.path()
	switch {
	case err != nil:
		return nil, err
	case p.hashes > maxHashes:
		return nil, fmt.Errorf("at most %d # are allowed: each iterates over a list", maxHashes)
	case p.stars > maxStars:
		return nil, fmt.Errorf("at most %d * are allowed", maxStars)
	}
	return made, nil
}

type parser struct {
	text          string
	at            int
	hashes, stars int
}

// path parses up to the end.
func (p *parser) path() (path, error) {
	made := path{nil}
	for {
		s, err := p.step()
		if err != nil {
			return nil, err
		}
		last := &made[len(made)-1]
		*last = append(*last, s)
		if p.at == len(p.text) {
			return made.prepared(), nil
		}
		if p.text[p.at] == '|' {
			made = append(made, nil)
		}
		p.at++
	}
}

// prepared collects consecutive plain names.
func (p path) prepared() path {
	for _, steps := range p {
		for i := len(steps) - 1; i >= 0; i-- {
			steps[i].names = []string{steps[i].name}
			if i+1 < len(steps) && steps[i].isPlain() && steps[i+1].isPlain() {
				steps[i].names = append(steps[i].names, steps[i+1].names...)
			}
		}
	}
	return p
}

// names returns the plain names that the path begins with.
func (p path) names() []string {
	if len(p) == 0 || !p[0][0].isPlain() {
		return nil
	}
	return p[0][0].names
}

func (s *step) isPlain() bool { return !s.wild && !s.hash && s.query == nil }

// step parses up to the next dot or pipe.
func (p *parser) step() (step, error) {
	rest := p.text[p.at:]
	if rest != "" && strings.IndexByte("@![{", rest[0]) >= 0 {
		return step{}, fmt.Errorf("%q has a special meaning that is not allowed here; write \\%c for the character itself", rest[0], rest[0])
	}
	if strings.HasPrefix(rest, "#(") || strings.HasPrefix(rest, "#[") {
		return p.query()
	}
	if rest == "#" || strings.HasPrefix(rest, "#.") || strings.HasPrefix(rest, "#|") {
		p.at++
		p.hashes++
		return step{name: "#", hash: true}, nil
	}
	var s step
	var name strings.Builder
	for ; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		if c == '.' || c == '|' {
			break
		}
		if c == '*' || c == '?' {
			s.wild = true
			p.stars += strings.Count("*", string(c))
		}
		if c == '\\' && p.at+1 < len(p.text) {
			p.at++
			c = p.text[p.at]
		}
		name.WriteByte(c)
	}
	s.name = name.String()
	return s, nil
}

// query parses `#(path operator value)` or `#(…)#`.
func (p *parser) query() (step, error) {
	p.hashes++
	inside, operatorAt, err := p.enclosed()
	if err != nil {
		return step{}, err
	}
	q := new(query)
	if p.at < len(p.text) && p.text[p.at] == '#' {
		q.all = true
		p.at++
	}
	if p.at < len(p.text) && p.text[p.at] != '.' && p.text[p.at] != '|' {
		return step{}, errors.New("a query must be followed by . or |")
	}
	left := inside
	if operatorAt >= 0 {
		left = inside[:operatorAt]
		if q.operator, q.value, err = comparison(inside[operatorAt:]); err != nil {
			return step{}, err
		}
	}
	if left = strings.Trim(left, blanks); left != "" {
		inner := parser{text: left}
		if q.path, err = inner.path(); err != nil {
			return step{}, err
		}
		p.hashes += inner.hashes
		p.stars += inner.stars
	}
	if q.path == nil && q.operator == "" {
		return step{}, errors.New("a query needs a path or a comparison")
	}
	return step{query: q}, nil
}

const blanks = " \t\r\n"

// enclosed reads a pair of brackets and returns their content, with the
// position of the operator in it, or -1.
func (p *parser) enclosed() (inside string, operator int, err error) {
	begin, depth := p.at+2, 1
	operator = -1
	for p.at = begin; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case '\\':
			p.at++
		case '(', '[':
			depth++
		case ')', ']':
			if depth--; depth == 0 {
				inside = p.text[begin:p.at]
				p.at++
				return inside, operator, nil
			}
		case '"':
			for p.at++; p.at < len(p.text) && p.text[p.at] != '"'; p.at++ {
				if p.text[p.at] == '\\' {
					p.at++
				}
			}
		case '!', '=', '<', '>', '%':
			if depth == 1 && operator < 0 {
				operator = p.at - begin
			}
		}
	}
	return "", 0, errors.New("a query is missing its closing bracket")
}

// comparison splits a comparison into operator and value.
func comparison(text string) (operator, value string, err error) {
	for _, known := range []string{"==", "!=", "!%", "<=", ">=", "=", "<", ">", "%"} {
		value, found := strings.CutPrefix(text, known)
		if !found {
			continue
		}
		value = strings.Trim(value, blanks)
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			quoted := jsondoc.New([]byte(value)).Value()
			if !quoted.IsString() {
				return "", "", errors.New("the value in a query is not a JSON string")
			}
			value = quoted.Text()
		}
		if known == "==" {
			known = "="
		}
		return known, value, nil
	}
	return "", "", errors.New("a query compares with ==, !=, <, <=, >, >=, % or !%")
}
