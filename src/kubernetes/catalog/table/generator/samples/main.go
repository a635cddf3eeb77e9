// Command samples fills every kind at random and writes, compressed, pairs of the object as it is stored and
// of the JSON that Go prints for it after it was read from storage. Each half has its length in front, as
// four bytes, the lowest first. The variable `adders` is in a file that the script `generate` writes.
//
//	samples FILE
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsv1beta1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1beta1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
)

type message interface {
	Marshal() ([]byte, error)
	Unmarshal([]byte) error
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var (
	texts = []string{"", "a", "name-1", "ü€😀", "\"\\/\n\t\r\b\f\x01\x7f\u2028<>&", "\xffbad\xe2\x82", "é",
		strings.Repeat("long ", 40)}
	keys       = []string{"", "a", "b", "app.kubernetes.io/name", "ü", "Z", "a\"b"}
	quantities = []string{"0", "1", "-5", "1.5Gi", "100m", "9223372036854775807", "1e30", "1n",
		"123456789012345678901234567890", "0.000000001", "-3Ki", "12e6", "1E", "0.5"}
	raws = []string{`{"a" : [1, 2.50, "<&>\u00e9"], "b":{ } }`, `"text"`, `null`, `[]`, ` { "f:metadata":{".":{}}}`,
		`-1.5e-7`, `true`, `{"big":12345678901234567890}`}
	doubles = []float64{0, 1, -0.5, 1e20, 1e21, 1e-7, math.Pi, 1e300, 123456789, 9007199254740993, 0.1}
	times   = []time.Time{{}, time.Unix(0, 0), time.Unix(1700000000, 123456789), time.Unix(-1, 999999999),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC),
		time.Date(2024, 2, 29, 12, 0, 0, 1000, time.UTC)}
)

type filler struct {
	*rand.Rand
	// How likely a pointer, a list or a map is there.
	likely float64
}

func pick[T any](f *filler, from []T) T {
	return from[f.Intn(len(from))]
}

func (f *filler) bytes() []byte {
	out := make([]byte, f.Intn(6))
	f.Read(out)
	return out
}

func (f *filler) raw() []byte {
	if f.Float64() > f.likely {
		return nil
	}
	return []byte(pick(f, raws))
}

func (f *filler) number() int64 {
	switch f.Intn(5) {
	case 0:
		return 0
	case 1:
		return math.MinInt64
	case 2:
		return math.MaxInt64
	case 3:
		return -int64(f.Intn(1000))
	}
	return int64(f.Intn(100000))
}

func (f *filler) fill(v reflect.Value, depth int) {
	if !v.CanSet() {
		return
	}
	switch p := v.Addr().Interface().(type) {
	case *metav1.TypeMeta:
		return
	case *metav1.Time:
		p.Time = pick(f, times)
		return
	case *metav1.MicroTime:
		p.Time = pick(f, times)
		return
	case *resource.Quantity:
		*p = resource.MustParse(pick(f, quantities))
		return
	case *intstr.IntOrString:
		if f.Intn(2) == 0 {
			*p = intstr.FromInt32(int32(f.number()))
		} else {
			*p = intstr.FromString(pick(f, texts))
		}
		return
	case *runtime.RawExtension:
		p.Raw = f.raw()
		return
	case *metav1.FieldsV1:
		if raw := f.raw(); raw != nil {
			p.SetRawBytes(raw)
		}
		return
	case *apiextensionsv1.JSON:
		p.Raw = f.raw()
		return
	case *apiextensionsv1beta1.JSON:
		p.Raw = f.raw()
		return
	}
	likely := f.likely
	if depth > 8 {
		likely = likely / float64(depth-7)
	}
	if depth > 16 {
		likely = 0
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(pick(f, texts))
	case reflect.Bool:
		v.SetBool(f.Intn(2) == 0)
	case reflect.Int32:
		v.SetInt(int64(int32(f.number())))
	case reflect.Int64:
		v.SetInt(f.number())
	case reflect.Float64:
		v.SetFloat(pick(f, doubles))
	case reflect.Pointer:
		if f.Float64() < likely {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth+1)
		}
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			f.fill(v.Field(i), depth+1)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if f.Float64() < likely {
				v.SetBytes(f.bytes())
			}
			return
		}
		if f.Float64() < likely {
			list := reflect.MakeSlice(v.Type(), f.Intn(3), 4)
			for i := 0; i < list.Len(); i++ {
				element := list.Index(i)
				if element.Kind() == reflect.Pointer {
					element.Set(reflect.New(element.Type().Elem()))
					element = element.Elem()
				}
				f.fill(element, depth+1)
			}
			v.Set(list)
		}
	case reflect.Map:
		if f.Float64() < likely {
			m := reflect.MakeMap(v.Type())
			for n := f.Intn(4); n > 0; n-- {
				value := reflect.New(v.Type().Elem()).Elem()
				f.fill(value, depth+1)
				m.SetMapIndex(reflect.ValueOf(pick(f, keys)).Convert(v.Type().Key()), value)
			}
			v.Set(m)
		}
	default:
		check(fmt.Errorf("cannot fill %s", v.Type()))
	}
}

func main() {
	scheme := runtime.NewScheme()
	for _, add := range adders {
		check(add(scheme))
	}
	var kinds []schema.GroupVersionKind
	types := scheme.AllKnownTypes()
	for kind, t := range types {
		_, isObject := t.FieldByName("ObjectMeta")
		if _, ok := reflect.New(t).Interface().(message); ok && isObject {
			kinds = append(kinds, kind)
		}
	}
	sort.Slice(kinds, func(i, j int) bool { return kinds[i].String() < kinds[j].String() })

	var out bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	check(err)
	write := func(part []byte) {
		check(binary.Write(compressed, binary.LittleEndian, uint32(len(part))))
		_, err := compressed.Write(part)
		check(err)
	}
	random := rand.New(rand.NewSource(1))
	for _, kind := range kinds {
		for _, likely := range []float64{-1, 0, 0.2, 0.35, 0.6} {
			value := reflect.New(types[kind])
			if likely >= 0 {
				(&filler{random, likely}).fill(value.Elem(), 0)
			}
			raw, err := value.Interface().(message).Marshal()
			check(err)
			read := reflect.New(types[kind])
			check(read.Interface().(message).Unmarshal(raw))
			read.Interface().(runtime.Object).GetObjectKind().SetGroupVersionKind(kind)
			text, err := json.Marshal(read.Interface())
			if err != nil {
				check(fmt.Errorf("%s: %w", kind, err))
			}
			apiVersion, name := kind.ToAPIVersionAndKind()
			unknown := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: apiVersion, Kind: name}, Raw: raw}
			envelope, err := unknown.Marshal()
			check(err)
			write(append([]byte("k8s\x00"), envelope...))
			write(text)
		}
	}
	check(compressed.Close())
	check(os.WriteFile(os.Args[1], out.Bytes(), 0o644))
}
