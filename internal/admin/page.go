package admin

import (
	"encoding/json"

	"github.com/hookgate/hookgate/internal/adminapi"
)

// pagePart is after how many bytes a part of a list is sent.
const pagePart = 32 << 10

// page is the answer to a list call: its items, and the cursor of the next
// page. It is sent in parts, so that a long one takes little memory.
type page struct {
	call   *call
	text   []byte // to be sent
	items  int
	cursor string
	usage  *adminapi.Usage // of the project whose integrations these are
}

func newPage(c *call) *page { return &page{call: c, text: []byte(`{"items":[`)} }

// add adds an item.
func (p *page) add(item any) error {
	if p.items++; p.items > 1 {
		p.text = append(p.text, ',')
	}
	text, err := encode(item)
	if err != nil {
		return err
	}
	if p.text = append(p.text, text[:len(text)-1]...); len(p.text) < pagePart {
		return nil
	}
	return p.send(-1)
}

// send sends what is ready. length is that of the whole answer, if known.
func (p *page) send(length int64) error {
	if !p.call.out.begun {
		p.call.head(length)
	}
	_, err := p.call.out.Write(p.text)
	p.text = p.text[:0]
	return err
}

// end sends the rest.
func (p *page) end() error {
	cursor, err := json.Marshal(p.cursor)
	if err != nil {
		return err
	}
	p.text = append(append(p.text, `],"next_cursor":`...), cursor...)
	if p.usage != nil {
		usage, err := json.Marshal(p.usage)
		if err != nil {
			return err
		}
		p.text = append(append(p.text, `,"usage":`...), usage...)
	}
	p.text = append(p.text, "}\n"...)
	return p.send(int64(len(p.text)))
}
