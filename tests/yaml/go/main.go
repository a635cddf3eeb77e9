// Reads lines of {"value":…,"yaml":"…"} and says which documents one of Go's parsers does not read back equal.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	yaml2 "go.yaml.in/yaml/v2"
	yaml3 "go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/yaml"
)

// plain turns what a parser gives into what JSON would have given.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case map[any]any:
		m := map[string]any{}
		for k, e := range v {
			s, ok := k.(string)
			if !ok {
				return nil, fmt.Errorf("key %#v is a %T", k, k)
			}
			p, err := plain(e)
			if err != nil {
				return nil, err
			}
			m[s] = p
		}
		return m, nil
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			p, err := plain(e)
			if err != nil {
				return nil, err
			}
			m[k] = p
		}
		return m, nil
	case []any:
		l := []any{}
		for _, e := range v {
			p, err := plain(e)
			if err != nil {
				return nil, err
			}
			l = append(l, p)
		}
		return l, nil
	case nil, string, bool:
		return v, nil
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case uint64:
		return float64(v), nil
	case float64:
		return v, nil
	}
	return nil, fmt.Errorf("%#v is a %T", v, v)
}

func main() {
	parsers := []struct {
		name string
		read func([]byte, *any) error
	}{
		{"go.yaml.in/yaml/v2", func(b []byte, v *any) error { return yaml2.Unmarshal(b, v) }},
		{"go.yaml.in/yaml/v3", func(b []byte, v *any) error { return yaml3.Unmarshal(b, v) }},
		{"sigs.k8s.io/yaml", func(b []byte, v *any) error { return kyaml.Unmarshal(b, v) }},
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	documents, wrong := 0, 0
	for lines.Scan() {
		var line struct {
			Value any
			YAML  string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		documents++
		for _, parser := range parsers {
			var read any
			err := parser.read([]byte(line.YAML), &read)
			if err == nil {
				read, err = plain(read)
			}
			if err != nil || !reflect.DeepEqual(read, line.Value) {
				wrong++
				fmt.Printf("%s: %q: %q as %#v, %v\n", parser.name, line.Value, line.YAML, read, err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Fprintf(os.Stderr, "%d documents, %d wrong\n", documents, wrong)
	if wrong > 0 || documents == 0 {
		os.Exit(1)
	}
}
