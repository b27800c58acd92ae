package docs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// Document is one Markdown file.
type Document struct {
	// Path is relative to the repository's root, with slashes.
	Path string
	// Source is the whole text.
	Source string
	// Anchors are the fragments that GitHub derives from headings.
	Anchors map[string]bool
	// Links are the targets of all links and images.
	Links []Passage
	// Blocks are the fenced code blocks.
	Blocks []Block
	// Spans are the code spans.
	Spans []Span
}

// Passage is a piece of a document.
type Passage struct {
	Line int
	Text string
}

// Block is a fenced code block. Its language is the first word after the fence.
type Block struct {
	Passage
	Language string
}

// Span is a code span.
type Span struct {
	Passage
	// FirstColumn is true in the first column of a table.
	FirstColumn bool
}

// Documents reads every Markdown file below root, except in build and cache directories. Paths are relative to root.
func Documents(root string) ([]*Document, error) {
	var all []*Document
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			switch entry.Name() {
			case ".git", ".cache", "bin", "dist":
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		all = append(all, Parse(filepath.ToSlash(name), source))
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("no Markdown below %s", root)
	}
	return all, err
}

// Parse reads one document.
func Parse(path string, source []byte) *Document {
	d := &Document{Path: path, Source: string(source), Anchors: map[string]bool{}}
	tree := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	last := 1 // line of the latest text, because inline nodes have no line
	// Walk fails only if its callback does.
	_ = ast.Walk(tree, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		if node.Type() == ast.TypeBlock && node.Lines().Len() > 0 {
			last = lineAt(source, node.Lines().At(0).Start)
		}
		if t, ok := node.(*ast.Text); ok {
			last = lineAt(source, t.Segment.Start)
		}
		switch node := node.(type) {
		case *ast.Heading:
			d.addAnchor(slug(plain(node, source)))
		case *ast.Link:
			d.Links = append(d.Links, Passage{last, string(node.Destination)})
		case *ast.Image:
			d.Links = append(d.Links, Passage{last, string(node.Destination)})
		case *ast.CodeSpan:
			d.Spans = append(d.Spans, Span{Passage{last, plain(node, source)}, isFirstCell(node)})
		case *ast.FencedCodeBlock:
			d.Blocks = append(d.Blocks, Block{Passage{last, string(node.Lines().Value(source))}, string(node.Language(source))})
		}
		return ast.WalkContinue, nil
	})
	return d
}

func (d *Document) addAnchor(name string) {
	unique := name
	for n := 1; d.Anchors[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	d.Anchors[unique] = true
}

func lineAt(source []byte, offset int) int { return 1 + bytes.Count(source[:offset], []byte("\n")) }

// plain returns the text of a node without markup.
func plain(node ast.Node, source []byte) string {
	var b strings.Builder
	for child := node.FirstChild(); child != nil; child = child.NextSibling() {
		switch child := child.(type) {
		case *ast.Text:
			b.Write(child.Segment.Value(source))
			if child.SoftLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(child.Value)
		default:
			b.WriteString(plain(child, source))
		}
	}
	return b.String()
}

// slug returns the anchor of a heading: lower case, without punctuation, with hyphens for spaces.
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r) || unicode.IsNumber(r) || r == '-' || r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		default:
			return -1
		}
	}, heading)
}

func isFirstCell(node ast.Node) bool {
	for ; node != nil; node = node.Parent() {
		if cell, ok := node.(*extast.TableCell); ok {
			return cell.PreviousSibling() == nil
		}
	}
	return false
}
