package provider

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Piece is a part of the signed text.
type Piece struct {
	Kind PieceKind
	// Text is the text itself, or the name of the header or part.
	Text string
}

// PieceKind is the kind of a piece.
type PieceKind int

// The kinds of pieces.
const (
	TextPiece PieceKind = iota
	BodyPiece
	PayloadPiece
	URLPiece
	HeaderPiece
	PartPiece
)

// maxPieces bounds the number of pieces.
const maxPieces = 16

// ParseSigned parses Scheme.Signed. Text that looks like a place but is not one
// is an error.
func ParseSigned(text string) ([]Piece, error) {
	var pieces []Piece
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		if before != "" {
			if strings.Contains(before, "}") {
				return nil, errors.New("a closing brace without an opening one")
			}
			pieces = append(pieces, Piece{TextPiece, before})
		}
		if !found {
			break
		}
		name, more, closed := strings.Cut(after, "}")
		if !closed {
			return nil, errors.New("an opening brace without a closing one")
		}
		piece, err := parsePlace(name)
		if err != nil {
			return nil, err
		}
		pieces, rest = append(pieces, piece), more
	}
	switch {
	case len(pieces) == 0:
		return nil, errors.New("nothing is signed: most senders sign {body}")
	case len(pieces) > maxPieces:
		return nil, fmt.Errorf("at most %d pieces can be signed", maxPieces)
	}
	return pieces, nil
}

// parsePlace parses the text between braces. Caddy writes the longer form of a
// header's placeholder where an operator has written the short one.
func parsePlace(text string) (Piece, error) {
	switch text {
	case "body":
		return Piece{Kind: BodyPiece}, nil
	case "payload":
		return Piece{Kind: PayloadPiece}, nil
	case "url":
		return Piece{Kind: URLPiece}, nil
	}
	if name, ok := strings.CutPrefix(strings.TrimPrefix(text, "http.request."), "header."); ok && isToken(name) {
		return Piece{HeaderPiece, name}, nil
	}
	if name, ok := strings.CutPrefix(text, "part."); ok && isToken(name) {
		return Piece{PartPiece, name}, nil
	}
	return Piece{}, fmt.Errorf("unknown {%s} (want {body}, {payload}, {url}, {header.NAME} or {part.NAME})", text)
}

// isToken reports whether the text can be the name of a header (RFC 9110, section
// 5.6.2) of at most 256 characters.
func isToken(text string) bool {
	return len(text) <= 256 && httpguts.ValidHeaderFieldName(text)
}
