// Command served asks the code of an API server of one release what it makes of stored objects: the object
// that it serves, with what it adds on reading, and the cells of its table. The script `generate` writes the
// files imports.go and definitions.go for each release, and builds with the tag `faketime`, so that "now" is
// always 2009-11-10T23:00:00Z and ages are the same in every run.
//
//	served draw OBJECTS OUT                  stored forms: of OBJECTS, a file of JSON lines, and of objects at random
//	served read STORED SOURCES OUT FACTS    what this release makes of them; columns of tables, and defaults
//	served merge STORED OUT TABLES RELEASE=READ=FACTS…    one file of all releases, oldest first; tables into a folder
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unsafe"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsinstall "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kube-aggregator/pkg/apis/apiregistration"
	apiregistrationinstall "k8s.io/kube-aggregator/pkg/apis/apiregistration/install"
	apiservicestorage "k8s.io/kube-aggregator/pkg/registry/apiservice/etcd"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/printers"
	printersinternal "k8s.io/kubernetes/pkg/printers/internalversion"
	claimstorage "k8s.io/kubernetes/pkg/registry/core/persistentvolumeclaim/storage"
	servicestorage "k8s.io/kubernetes/pkg/registry/core/service/storage"
)

// What a server adds to Services and claims is not with the other defaults.
//
//go:linkname readService k8s.io/kubernetes/pkg/registry/core/service/storage.(*REST).defaultOnRead
func readService(*servicestorage.REST, runtime.Object)

//go:linkname readClaim k8s.io/kubernetes/pkg/registry/core/persistentvolumeclaim/storage.(*REST).defaultOnRead
func readClaim(*claimstorage.REST, runtime.Object)

var (
	scheme  = legacyscheme.Scheme
	codecs  serializer.CodecFactory
	printer = jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, scheme, scheme,
		jsonserializer.SerializerOptions{})
	protobufs = protobuf.NewSerializer(scheme, scheme)
	// A server whose Services have addresses of IPv4 first.
	services = &servicestorage.REST{}
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Column is a column of a table.
type Column struct {
	Name, Type, Format string
	Priority           int32
}

// The columns of each kind, and which of them have the table of name and time that every object has.
type tables struct {
	columns   map[schema.GroupKind][]metav1.TableColumnDefinition
	isDefault map[schema.GroupKind]bool
	generator *printers.HumanReadableGenerator
}

// TableHandler notes the columns of a kind.
func (t *tables) TableHandler(columns []metav1.TableColumnDefinition, function any) error {
	object := reflect.New(reflect.TypeOf(function).In(0).Elem()).Interface().(runtime.Object)
	kinds, _, err := scheme.ObjectKinds(object)
	if err == nil && !meta.IsListType(object) {
		for _, kind := range kinds {
			t.columns[kind.GroupKind()] = columns
		}
	}
	return t.generator.TableHandler(columns, function)
}

var plainTable = regexp.MustCompile(`NewDefaultTableConvertor\((\w+)\.Resource\("(\w+)"\)\)`)

func newTables(sources string) *tables {
	t := &tables{
		columns:   map[schema.GroupKind][]metav1.TableColumnDefinition{},
		isDefault: map[schema.GroupKind]bool{},
		generator: printers.NewTableGenerator(),
	}
	printersinternal.AddHandlers(t)
	// Some kinds have a printer that their server does not use.
	plain := map[string]bool{}
	check(filepath.WalkDir(filepath.Join(sources, "pkg/registry"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Base(path) != "storage.go" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range plainTable.FindAllStringSubmatch(string(text), -1) {
			plain[found[2]] = true
		}
		return err
	}))
	standard, err := rest.NewDefaultTableConvertor(schema.GroupResource{}).
		ConvertToTable(context.TODO(), &core.Pod{}, nil)
	check(err)
	for kind, goType := range scheme.AllKnownTypes() {
		_, isObject := goType.FieldByName("ObjectMeta")
		if kind.Version != runtime.APIVersionInternal || !isObject {
			continue
		}
		resource, _ := meta.UnsafeGuessKindToResource(kind)
		if _, ok := t.columns[kind.GroupKind()]; !ok || plain[resource.Resource] {
			t.columns[kind.GroupKind()] = standard.ColumnDefinitions
			t.isDefault[kind.GroupKind()] = true
		}
	}
	for _, object := range []runtime.Object{&apiextensions.CustomResourceDefinition{}, &apiregistration.APIService{}} {
		table, err := t.table(object)
		check(err)
		kinds, _, err := scheme.ObjectKinds(object)
		check(err)
		t.columns[kinds[0].GroupKind()] = table.ColumnDefinitions
	}
	return t
}

func (t *tables) table(object runtime.Object) (*metav1.Table, error) {
	switch object.(type) {
	case *apiextensions.CustomResourceDefinition:
		return definitions.ConvertToTable(context.TODO(), object, nil)
	case *apiregistration.APIService:
		return (*apiservicestorage.REST)(nil).ConvertToTable(context.TODO(), object, nil)
	}
	kinds, _, err := scheme.ObjectKinds(object)
	check(err)
	if t.isDefault[kinds[0].GroupKind()] {
		return rest.NewDefaultTableConvertor(schema.GroupResource{}).ConvertToTable(context.TODO(), object, nil)
	}
	return t.generator.GenerateTable(object, printers.GenerateOptions{Wide: true})
}

// What is known of a release besides its answers: the columns of each kind, and the defaults of fields.
type facts struct {
	Columns  map[string][]Column
	Defaults map[string]string
}

// Result is what a release makes of a stored object.
type Result struct {
	// Why nothing is made of it.
	Fault  string                     `json:"fault,omitempty"`
	Object json.RawMessage            `json:"object,omitempty"`
	Others map[string]json.RawMessage `json:"others,omitempty"`
	// The names of the columns, with a star behind those of wide tables.
	Columns []string `json:"columns,omitempty"`
	Cells   []string `json:"cells,omitempty"`
}

func names(columns []metav1.TableColumnDefinition) []string {
	var out []string
	for _, column := range columns {
		name := column.Name
		if column.Priority > 0 {
			name += "*"
		}
		out = append(out, name)
	}
	return out
}

// The cells as kubectl gets them.
func cells(table *metav1.Table) []string {
	text, err := json.Marshal(table.Rows[0].Cells)
	check(err)
	var read []any
	check(utiljson.Unmarshal(text, &read))
	var out []string
	// It prints no more than there are columns.
	for _, cell := range read[:min(len(read), len(table.ColumnDefinitions))] {
		if cell == nil {
			out = append(out, "")
		} else {
			out = append(out, fmt.Sprint(cell))
		}
	}
	return out
}

// Versions in which a kind is served besides the stored one.
var others = map[schema.GroupVersionKind][]schema.GroupVersion{
	{Version: "v1", Kind: "Event"}: {{Group: "events.k8s.io", Version: "v1"}},
	{Group: "apiextensions.k8s.io", Version: "v1beta1", Kind: "CustomResourceDefinition"}: {apiextensionsv1.SchemeGroupVersion},
}

func encode(object runtime.Object, version schema.GroupVersion) ([]byte, error) {
	var out bytes.Buffer
	err := codecs.EncoderForVersion(printer, version).Encode(object, &out)
	return bytes.TrimSpace(out.Bytes()), err
}

func (t *tables) read(stored []byte, columns map[schema.GroupVersionKind][]apiextensionsv1.CustomResourceColumnDefinition) (result Result) {
	defer func() {
		if fault := recover(); fault != nil {
			result = Result{Fault: fmt.Sprint(fault)}
		}
	}()
	var custom unstructured.Unstructured
	if stored[0] == '{' && custom.UnmarshalJSON(stored) == nil {
		if found, ok := columns[custom.GroupVersionKind()]; ok {
			convertor, err := tableconvertor.New(found)
			check(err)
			table, err := convertor.ConvertToTable(context.TODO(), &custom, nil)
			check(err)
			return Result{Object: stored, Columns: names(table.ColumnDefinitions), Cells: cells(table)}
		}
	}
	object, kind, err := codecs.UniversalDecoder().Decode(stored, nil, nil)
	if err != nil {
		return Result{Fault: err.Error()}
	}
	switch object.(type) {
	case *core.Service:
		readService(services, object)
	case *core.PersistentVolumeClaim:
		readClaim(nil, object)
	}
	result.Object, err = encode(object, kind.GroupVersion())
	if err != nil {
		return Result{Fault: err.Error()}
	}
	for _, version := range others[*kind] {
		if result.Others == nil {
			result.Others = map[string]json.RawMessage{}
		}
		result.Others[version.String()], err = encode(object, version)
		if err != nil {
			return Result{Fault: err.Error()}
		}
	}
	table, err := t.table(object)
	if err != nil {
		return Result{Fault: err.Error()}
	}
	result.Columns, result.Cells = names(table.ColumnDefinitions), cells(table)
	if definition, ok := object.(*apiextensions.CustomResourceDefinition); ok {
		var served apiextensionsv1.CustomResourceDefinition
		check(scheme.Convert(definition, &served, nil))
		for _, version := range served.Spec.Versions {
			custom := schema.GroupVersionKind{Group: served.Spec.Group, Version: version.Name, Kind: served.Spec.Names.Kind}
			shown := version.AdditionalPrinterColumns
			if len(shown) == 0 {
				shown = []apiextensionsv1.CustomResourceColumnDefinition{{Name: "Age", Type: "date", JSONPath: ".metadata.creationTimestamp"}}
			}
			columns[custom] = shown
		}
	}
	return result
}

// A list of byte strings, each with its length in front.
func readRecords(file string) [][]byte {
	data, err := os.ReadFile(file)
	check(err)
	var out [][]byte
	for len(data) > 0 {
		length := binary.LittleEndian.Uint32(data)
		out = append(out, data[4:4+length])
		data = data[4+length:]
	}
	return out
}

func appendRecord(out, record []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(out, uint32(len(record))), record...)
}

func readAll(stored, sources, out string) {
	primary := reflect.ValueOf(services).Elem().FieldByName("primaryIPFamily")
	reflect.NewAt(primary.Type(), unsafe.Pointer(primary.UnsafeAddr())).Elem().SetString("IPv4")
	t := newTables(sources)
	custom := map[schema.GroupVersionKind][]apiextensionsv1.CustomResourceColumnDefinition{}
	var results []byte
	faults := 0
	for _, record := range readRecords(stored) {
		result := t.read(record, custom)
		if result.Fault != "" {
			faults++
			fmt.Fprintf(os.Stderr, "%.100q: %s\n", record, result.Fault)
		}
		text, err := json.Marshal(result)
		check(err)
		results = appendRecord(results, text)
	}
	fmt.Fprintf(os.Stderr, "%d faults\n", faults)
	check(os.WriteFile(out, results, 0o644))
}

func writeFacts(sources, out string) {
	t := newTables(sources)
	all := map[string][]Column{}
	for kind, columns := range t.columns {
		for _, column := range columns {
			all[kind.Group+"\t"+kind.Kind] = append(all[kind.Group+"\t"+kind.Kind],
				Column{column.Name, column.Type, column.Format, column.Priority})
		}
	}
	text, err := json.Marshal(facts{all, findDefaults()})
	check(err)
	check(os.WriteFile(out, text, 0o644))
}

func writeAll(objects, out string) {
	file, err := os.Open(objects)
	check(err)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	var stored []byte
	for lines.Scan() {
		line := lines.Bytes()
		if len(bytes.TrimSpace(line)) == 0 || line[0] == '#' {
			continue
		}
		var kind metav1.TypeMeta
		if err := json.Unmarshal(line, &kind); err != nil {
			check(fmt.Errorf("%s: %w", line, err))
		}
		object, err := scheme.New(kind.GroupVersionKind())
		if err != nil {
			// A custom resource.
			stored = appendRecord(stored, line)
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(object); err != nil {
			check(fmt.Errorf("%s: %w", line, err))
		}
		stored = appendRecord(stored, store(object, kind.GroupVersionKind()))
	}
	check(lines.Err())
	check(os.WriteFile(out, stored, 0o644))
}

func drawAll(out string) {
	var stored []byte
	for _, object := range random() {
		stored = appendRecord(stored, object)
	}
	check(os.WriteFile(out, stored, 0o644))
}

// The stored form of an object.
func store(object runtime.Object, kind schema.GroupVersionKind) []byte {
	object.GetObjectKind().SetGroupVersionKind(kind)
	var out bytes.Buffer
	check(protobufs.Encode(object, &out))
	return out.Bytes()
}

func merge(out, tables string, arguments []string) {
	type release struct {
		name string
		facts
		// The answers by the file of the questions.
		results map[string][][]byte
	}
	var all []release
	var questions []string
	for _, argument := range arguments {
		parts := strings.Split(argument, "=")
		next := release{name: parts[0], results: map[string][][]byte{}}
		text, err := os.ReadFile(parts[1])
		check(err)
		check(json.Unmarshal(text, &next.facts))
		for _, part := range parts[2:] {
			stored, read, _ := strings.Cut(part, ":")
			next.results[stored] = readRecords(read)
			if !slices.Contains(questions, stored) {
				questions = append(questions, stored)
			}
		}
		all = append(all, next)
	}
	var packed []byte
	for _, stored := range questions {
		for number, record := range readRecords(stored) {
			// What a release makes of it where that is something else than what the one before makes.
			results := map[string]json.RawMessage{}
			var before []byte
			for _, release := range all {
				if answers, ok := release.results[stored]; ok && !bytes.Equal(answers[number], before) {
					before = answers[number]
					results[release.name] = before
				}
			}
			text, err := json.Marshal(results)
			check(err)
			packed = appendRecord(appendRecord(packed, record), text)
		}
	}
	var zipped bytes.Buffer
	writer, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	check(err)
	_, err = writer.Write(packed)
	check(err)
	check(writer.Close())
	check(os.WriteFile(out, zipped.Bytes(), 0o644))

	// A line for each column list or default, and for the releases in a row that agree about it.
	lines := func(of func(facts) map[string]string) string {
		keys := map[string]bool{}
		for _, release := range all {
			for key := range of(release.facts) {
				keys[key] = true
			}
		}
		var lines []string
		for key := range keys {
			for first := 0; first < len(all); {
				value := of(all[first].facts)[key]
				last := first
				for last+1 < len(all) && of(all[last+1].facts)[key] == value {
					last++
				}
				if value != "" {
					lines = append(lines, strings.Join([]string{key, all[first].name, all[last].name, value}, "\t"))
				}
				first = last + 1
			}
		}
		sort.Strings(lines)
		return strings.Join(lines, "\n") + "\n"
	}
	head := "# %s Written by generate from k8s.io/kubernetes (Apache-2.0).\n# %s\n"
	columns := lines(func(f facts) map[string]string {
		out := map[string]string{}
		for kind, columns := range f.Columns {
			var cells []string
			for _, column := range columns {
				cells = append(cells, fmt.Sprintf("%s|%s|%s|%d", column.Name, column.Type, column.Format, column.Priority))
			}
			out[kind] = strings.Join(cells, "\t")
		}
		return out
	})
	check(os.WriteFile(filepath.Join(tables, "columns.table"), []byte(fmt.Sprintf(head, "The columns of the tables of each kind.",
		"Group, kind, first and last release, then name|type|format|priority of each column.")+columns), 0o644))
	defaults := lines(func(f facts) map[string]string { return f.Defaults })
	check(os.WriteFile(filepath.Join(tables, "defaults.table"), []byte(fmt.Sprintf(head, "What an API server takes for fields that are empty.",
		"Message, field, first and last release, value. What depends on other fields is in Rust.")+defaults), 0o644))
}

func main() {
	apiextensionsinstall.Install(scheme)
	apiregistrationinstall.Install(scheme)
	codecs = serializer.NewCodecFactory(scheme)
	switch arguments := os.Args[1:]; arguments[0] {
	case "write":
		writeAll(arguments[1], arguments[2])
	case "draw":
		drawAll(arguments[1])
	case "read":
		readAll(arguments[1], arguments[2], arguments[3])
	case "facts":
		writeFacts(arguments[1], arguments[2])
	case "merge":
		merge(arguments[1], arguments[2], arguments[3:])
	}
}
