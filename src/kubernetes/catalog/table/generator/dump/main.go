// Command dump prints, as JSON, how the Go types of one Kubernetes release are written to the wire and
// printed as JSON. The variable `adders` is in a file that the script `generate` writes for each release.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
)

// Field is one field on the wire.
type Field struct {
	Number   int    `json:"number"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Flags    string `json:"flags"`
	MergeKey string `json:"mergeKey,omitempty"`
	// Whether a strategic merge patch merges the list, with or without a key.
	Merges bool `json:"merges,omitempty"`
}

// Message is one struct, its fields in the order in which Go prints them.
type Message struct {
	Name   string  `json:"name"`
	GoName string  `json:"goName"`
	Fields []Field `json:"fields"`
}

// Kind is one registered kind.
type Kind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

// Dump is everything about one release.
type Dump struct {
	Messages []Message `json:"messages"`
	Kinds    []Kind    `json:"kinds"`
}

// Types that print themselves, by what stands for them in the table.
var special = map[string]string{
	"meta/v1.Time":      "t",
	"meta/v1.MicroTime": "T",
	"meta/v1.Duration":  "D",
	"meta/v1.FieldsV1":  "r",
	"k8s.io/apimachinery/pkg/runtime.RawExtension":       "r",
	"k8s.io/apimachinery/pkg/api/resource.Quantity":      "q",
	"k8s.io/apimachinery/pkg/util/intstr.IntOrString":    "x",
	"apiextensions/v1.JSON":                              "r",
	"apiextensions/v1.JSONSchemaPropsOrArray":            "A",
	"apiextensions/v1.JSONSchemaPropsOrBool":             "B",
	"apiextensions/v1.JSONSchemaPropsOrStringArray":      "S",
	"apiextensions/v1beta1.JSON":                         "r",
	"apiextensions/v1beta1.JSONSchemaPropsOrArray":       "A",
	"apiextensions/v1beta1.JSONSchemaPropsOrBool":        "B",
	"apiextensions/v1beta1.JSONSchemaPropsOrStringArray": "S",
}

var marshaler = reflect.TypeOf((*json.Marshaler)(nil)).Elem()
var unmarshaler = reflect.TypeOf((*interface{ Unmarshal([]byte) error })(nil)).Elem()

type dumper struct {
	seen map[string]bool
	dump Dump
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func nameOf(t reflect.Type) string {
	path := t.PkgPath()
	for _, prefix := range []string{
		"k8s.io/api/",
		"k8s.io/apimachinery/pkg/apis/",
		"k8s.io/apiextensions-apiserver/pkg/apis/",
		"k8s.io/kube-aggregator/pkg/apis/",
	} {
		path = strings.TrimPrefix(path, prefix)
	}
	return path + "." + t.Name()
}

func (d *dumper) typeOf(t reflect.Type, where string) string {
	if code, ok := special[nameOf(t)]; ok {
		if strings.Contains("ABS", code) {
			for i := 0; i < t.NumField(); i++ {
				if f := t.Field(i).Type; f.Kind() == reflect.Pointer {
					return code + d.message(f.Elem())
				}
			}
		}
		return code
	}
	if t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler) {
		fail("%s: %s prints itself in an unknown way", where, nameOf(t))
	}
	switch t.Kind() {
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int32:
		return "i"
	case reflect.Int64:
		return "l"
	case reflect.Float64:
		return "d"
	case reflect.Struct:
		return d.message(t)
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			fail("%s: a map with keys of %s", where, t.Key())
		}
		return "{" + d.typeOf(t.Elem(), where)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "y"
		}
		element := t.Elem()
		if element.Kind() == reflect.Pointer {
			element = element.Elem()
		}
		code := "[" + d.typeOf(element, where)
		// A named list with methods of its own is a message with the list as field 1.
		if t.Name() != "" && reflect.PointerTo(t).Implements(unmarshaler) {
			code = "W" + code[1:]
		}
		return code
	}
	fail("%s: cannot say what %s is", where, t)
	return ""
}

func (d *dumper) message(t reflect.Type) string {
	name := nameOf(t)
	if d.seen[name] {
		return "@" + name
	}
	d.seen[name] = true
	message := Message{Name: name, GoName: t.PkgPath() + "." + t.Name()}
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		where := name + "." + field.Name
		tag, hasTag := field.Tag.Lookup("protobuf")
		parts := strings.Split(tag, ",")
		jsonParts := strings.Split(field.Tag.Get("json"), ",")
		if !hasTag || tag == "-" {
			if field.Name != "TypeMeta" && field.IsExported() && jsonParts[0] != "-" {
				fmt.Fprintf(os.Stderr, "note: %s is not on the wire\n", where)
			}
			continue
		}
		number, err := strconv.Atoi(parts[1])
		if err != nil || jsonParts[0] == "-" {
			fail("%s: tags %s", where, field.Tag)
		}
		out := Field{Number: number, Name: jsonParts[0]}
		for _, option := range jsonParts[1:] {
			switch option {
			case "omitempty":
				out.Flags += "o"
			case "omitzero":
				out.Flags += "z"
			}
		}
		if out.Name == "" {
			if field.Anonymous {
				out.Flags += "n"
			} else {
				out.Name = field.Name
			}
		}
		kind := field.Type
		if kind.Kind() == reflect.Pointer {
			if strings.Contains(out.Flags, "n") {
				fail("%s: an inlined pointer", where)
			}
			kind = kind.Elem()
			out.Flags += "p"
		}
		out.Type = d.typeOf(kind, where)
		out.MergeKey = field.Tag.Get("patchMergeKey")
		for _, strategy := range strings.Split(field.Tag.Get("patchStrategy"), ",") {
			out.Merges = out.Merges || strategy == "merge"
		}
		message.Fields = append(message.Fields, out)
	}
	d.dump.Messages = append(d.dump.Messages, message)
	return "@" + name
}

func main() {
	scheme := runtime.NewScheme()
	for _, add := range adders {
		if err := add(scheme); err != nil {
			fail("%v", err)
		}
	}
	d := dumper{seen: map[string]bool{}}
	known := scheme.AllKnownTypes()
	var kinds []Kind
	types := map[Kind]reflect.Type{}
	for kind, t := range known {
		_, hasMeta := t.FieldByName("ListMeta")
		onWire := reflect.PointerTo(t).Implements(unmarshaler)
		// Options, lists and the like are registered everywhere and stored nowhere.
		if strings.HasPrefix(nameOf(t), "meta/v1") || hasMeta || !onWire {
			continue
		}
		key := Kind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind}
		kinds = append(kinds, key)
		types[key] = t
	}
	sort.Slice(kinds, func(i, j int) bool {
		a, b := kinds[i], kinds[j]
		return a.Group+"\x00"+a.Version+"\x00"+a.Kind < b.Group+"\x00"+b.Version+"\x00"+b.Kind
	})
	for _, kind := range kinds {
		message := d.message(types[kind])
		kind.Message = message[1:]
		d.dump.Kinds = append(d.dump.Kinds, kind)
	}
	sort.Slice(d.dump.Messages, func(i, j int) bool {
		return d.dump.Messages[i].Name < d.dump.Messages[j].Name
	})
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(d.dump); err != nil {
		fail("%v", err)
	}
}
