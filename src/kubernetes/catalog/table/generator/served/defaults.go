package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// How often each kind is filled for finding its defaults.
const rounds = 400

// What an empty field became, by the message it is in: how often for each value, as JSON. What stayed empty
// has the value "".
type seen map[string]map[string]int

// The name of a message in the table of kinds.
func messageName(t reflect.Type) string {
	path := t.PkgPath()
	for _, prefix := range []string{"k8s.io/api/", "k8s.io/apimachinery/pkg/apis/",
		"k8s.io/apiextensions-apiserver/pkg/apis/", "k8s.io/kube-aggregator/pkg/apis/"} {
		path = strings.TrimPrefix(path, prefix)
	}
	return path + "." + t.Name()
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

// Notes what defaulting made of the empty fields of a value.
func (s seen) compare(before, after reflect.Value) {
	switch before.Kind() {
	case reflect.Pointer:
		if !before.IsNil() && !after.IsNil() {
			s.compare(before.Elem(), after.Elem())
		}
	case reflect.Slice:
		for i := 0; i < before.Len() && i < after.Len(); i++ {
			s.compare(before.Index(i), after.Index(i))
		}
	case reflect.Struct:
		if before.Type() == reflect.TypeFor[intstr.IntOrString]() {
			return
		}
		for i := 0; i < before.NumField(); i++ {
			field := before.Type().Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !field.IsExported() || name == "-" {
				continue
			}
			isText := field.Type == reflect.TypeFor[intstr.IntOrString]()
			if isEmpty(before.Field(i)) && (field.Type.Kind() != reflect.Struct || isText) {
				value := ""
				if !isEmpty(after.Field(i)) {
					text, err := json.Marshal(after.Field(i).Interface())
					check(err)
					value = string(text)
				}
				key := messageName(before.Type()) + "\t" + name
				if s[key] == nil {
					s[key] = map[string]int{}
				}
				s[key][value]++
			} else {
				s.compare(before.Field(i), after.Field(i))
			}
		}
	}
}

// Finds which empty fields always get the same value: by message and field, the value as JSON.
func findDefaults() map[string]string {
	f := &filler{Rand: rand.New(rand.NewSource(2)), constants: map[string]map[string][]string{}}
	types := scheme.AllKnownTypes()
	all := seen{}
	found := map[string]string{}
	without := map[string]seen{}
	for _, kind := range storedKinds() {
		own := seen{}
		isDefaulted := false
		for round := range rounds {
			f.likely = []float64{0, 0.4, 0.6, 0.8, 0.9, 1}[round%6]
			before := reflect.New(types[kind])
			f.fill(before.Elem(), 0)
			object := before.Interface().(runtime.Object).DeepCopyObject()
			func() {
				defer func() {
					if fault := recover(); fault != nil {
						fmt.Fprintf(os.Stderr, "%s: %v\n", kind, fault)
						object = nil
					}
				}()
				scheme.Default(object)
			}()
			if object != nil {
				own.compare(before.Elem(), reflect.ValueOf(object).Elem())
				isDefaulted = isDefaulted || !reflect.DeepEqual(before.Interface(), object)
			}
		}
		if !isDefaulted {
			without[messageName(types[kind])] = own
			continue
		}
		for field, values := range own {
			for value, count := range values {
				if all[field] == nil {
					all[field] = map[string]int{}
				}
				all[field][value] += count
			}
		}
	}
	present := time.Now().UTC().Format(time.RFC3339)
	for field, values := range all {
		for value := range values {
			if len(values) == 1 && value != "" && !strings.Contains(value, present) {
				found[field] = value
			}
		}
		if len(values) > 1 {
			fmt.Fprintf(os.Stderr, "depends: %s %v\n", field, values)
		}
	}
	// What these kinds hold gets nothing, though it does elsewhere.
	for kind, own := range without {
		for field := range own {
			if found[field] != "" {
				found[kind+"\t"] = "null"
				break
			}
		}
	}
	return found
}

func storedKinds() []schema.GroupVersionKind {
	var kinds []schema.GroupVersionKind
	for kind, t := range scheme.AllKnownTypes() {
		_, isObject := t.FieldByName("ObjectMeta")
		_, isMessage := reflect.New(t).Interface().(interface{ Marshal() ([]byte, error) })
		isRequest := strings.HasSuffix(kind.Kind, "Review") || strings.HasSuffix(kind.Kind, "Binding") && kind.Group == "" ||
			kind.Kind == "Scale" || kind.Kind == "PodStatusResult" || kind.Kind == "TokenRequest"
		if isObject && isMessage && !isRequest {
			kinds = append(kinds, kind)
		}
	}
	sort.Slice(kinds, func(i, j int) bool { return kinds[i].String() < kinds[j].String() })
	return kinds
}
