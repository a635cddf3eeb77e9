// Command merge makes one table of the dumps of several releases, newest first, and of the schemas that
// name the keys of lists.
//
//	merge COUNT DUMP... SCHEMA.go...
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

type field struct {
	Number   int    `json:"number"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Flags    string `json:"flags"`
	MergeKey string `json:"mergeKey"`
	Merges   bool   `json:"merges"`
}

type message struct {
	Name   string  `json:"name"`
	GoName string  `json:"goName"`
	Fields []field `json:"fields"`
}

type kind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

type dump struct {
	Messages []message `json:"messages"`
	Kinds    []kind    `json:"kinds"`
}

type typeRef struct {
	NamedType string `json:"namedType"`
	List      *struct {
		ElementRelationship string   `json:"elementRelationship"`
		Keys                []string `json:"keys"`
	} `json:"list"`
}

type schema struct {
	Types []struct {
		Name string `json:"name"`
		Map  *struct {
			Fields []struct {
				Name string  `json:"name"`
				Type typeRef `json:"type"`
			} `json:"fields"`
		} `json:"map"`
	} `json:"types"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The YAML text inside a generated Go file: its longest literal.
func schemaText(path string) string {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	check(err)
	longest := ""
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			check(err)
			if len(text) > len(longest) {
				longest = text
			}
		}
		return true
	})
	return longest
}

// The name of a Go type in the schemas: k8s.io/api/core/v1.Pod is io.k8s.api.core.v1.Pod.
func schemaName(goName string) string {
	host, path, _ := strings.Cut(goName, "/")
	parts := strings.Split(host, ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, ".") + "." + strings.ReplaceAll(path, "/", ".")
}

func main() {
	count, err := strconv.Atoi(os.Args[1])
	check(err)
	dumps, schemas := os.Args[2:2+count], os.Args[2+count:]

	messages := map[string]*message{}
	kinds := map[kind]string{}
	var releases []string
	for _, path := range dumps {
		releases = append(releases, strings.TrimSuffix(filepath.Base(path), ".json"))
		text, err := os.ReadFile(path)
		check(err)
		var d dump
		check(json.Unmarshal(text, &d))
		for _, k := range d.Kinds {
			key := kind{Group: k.Group, Version: k.Version, Kind: k.Kind}
			if _, ok := kinds[key]; !ok {
				kinds[key] = k.Message
			}
		}
		for _, m := range d.Messages {
			known, ok := messages[m.Name]
			if !ok {
				m := m
				messages[m.Name] = &m
				continue
			}
			has := map[int]bool{}
			for _, f := range known.Fields {
				has[f.Number] = true
			}
			for _, f := range m.Fields {
				if !has[f.Number] {
					// Removed since: printed only where it is stored.
					f.Flags += "r"
					known.Fields = append(known.Fields, f)
				}
			}
		}
	}

	lists := map[string]map[string]typeRef{}
	for _, path := range schemas {
		var s schema
		check(yaml.Unmarshal([]byte(schemaText(path)), &s))
		for _, t := range s.Types {
			if t.Map == nil {
				continue
			}
			fields := map[string]typeRef{}
			for _, f := range t.Map.Fields {
				if f.Type.List != nil {
					fields[f.Name] = f.Type
				}
			}
			if _, ok := lists[t.Name]; !ok {
				lists[t.Name] = fields
			}
		}
	}

	names := make([]string, 0, len(messages))
	for name := range messages {
		names = append(names, name)
	}
	sort.Strings(names)
	index := map[string]int{}
	for i, name := range names {
		index[name] = i
	}
	// The schemas know nothing of inlining: fields of an inlined message are found at the outer one.
	outer := map[string][]string{}
	for _, name := range names {
		for _, f := range messages[name].Fields {
			if strings.Contains(f.Flags, "n") {
				inner := strings.TrimPrefix(f.Type, "@")
				outer[inner] = append(outer[inner], name)
			}
		}
	}
	var find func(name, field string) (typeRef, bool)
	find = func(name, field string) (typeRef, bool) {
		if t, ok := lists[schemaName(messages[name].GoName)][field]; ok {
			return t, true
		}
		for _, o := range outer[name] {
			if t, ok := find(o, field); ok {
				return t, true
			}
		}
		return typeRef{}, false
	}

	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, "# How Kubernetes writes objects to the wire and prints them. Written by generator/generate.")
	fmt.Fprintln(out, "# From k8s.io/api, apimachinery, apiextensions-apiserver, kube-aggregator and client-go")
	fmt.Fprintln(out, "# (Apache-2.0), releases", strings.Join(releases, " "))
	fmt.Fprintln(out, "# M message; number name type flags, then about a list: a s m:keys, and ~key of a patch")
	for _, name := range names {
		m := messages[name]
		fmt.Fprintln(out, "M", name)
		for _, f := range m.Fields {
			t := f.Type
			if at := strings.IndexByte(t, '@'); at >= 0 {
				i, ok := index[t[at+1:]]
				if !ok {
					check(fmt.Errorf("%s.%s: no message %s", name, f.Name, t))
				}
				t = t[:at] + strconv.Itoa(i)
			}
			words := []string{strconv.Itoa(f.Number), f.Name, t, f.Flags}
			if f.Name == "" {
				words[1] = "-"
			}
			if f.Flags == "" {
				words[3] = "-"
			}
			if strings.HasPrefix(f.Type, "[") {
				if ref, ok := find(name, f.Name); ok {
					switch {
					case ref.List.ElementRelationship == "atomic":
						words = append(words, "a")
					case len(ref.List.Keys) == 0:
						words = append(words, "s")
					default:
						words = append(words, "m:"+strings.Join(ref.List.Keys, ","))
					}
				}
				if f.Merges {
					words = append(words, "~"+f.MergeKey)
				}
			}
			fmt.Fprintln(out, strings.Join(words, " "))
		}
	}
	var keys []kind
	for k := range kinds {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := keys[i], keys[j]
		return a.Group+"\x00"+a.Version+"\x00"+a.Kind < b.Group+"\x00"+b.Version+"\x00"+b.Kind
	})
	for _, k := range keys {
		group := k.Group
		if group == "" {
			group = "-"
		}
		fmt.Fprintln(out, "K", group, k.Version, k.Kind, index[kinds[k]])
	}
	check(out.Flush())
}
