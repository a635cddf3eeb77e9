package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsv1beta1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1beta1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// How full the objects at random are, one of each kind for each number.
var fullness = []float64{0, 0.6, 0.9, 1}

// Fills objects with values that could be meant.
type filler struct {
	*rand.Rand
	// How likely a field has a value.
	likely float64
	// The constants of types of strings, by package and name.
	constants map[string]map[string][]string
}

func pick[T any](f *filler, from []T) T {
	return from[f.Intn(len(from))]
}

var (
	words      = []string{"a", "web", "db.example.com", "10.0.0.1", "fd00::1", "app"}
	quantities = []string{"0", "1", "100m", "1.5Gi", "1024Mi", "0.5", "2500m", "12e6", "1500"}
	ages       = []time.Duration{time.Second, 90 * time.Second, 5 * time.Minute, 3 * time.Hour, 50 * time.Hour,
		20 * 24 * time.Hour, 1000 * 24 * time.Hour, -time.Hour}
)

func (f *filler) time() time.Time {
	return time.Now().Add(-pick(f, ages)).Truncate(time.Second)
}

// The constants that a package declares for its types of strings.
func (f *filler) constantsOf(path string) map[string][]string {
	if found, ok := f.constants[path]; ok {
		return found
	}
	found := map[string][]string{}
	f.constants[path] = found
	directory, err := exec.Command("go", "list", "-f", "{{.Dir}}", path).Output()
	check(err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(directory)), "*.go"))
	check(err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		check(err)
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typeName, ok := spec.Type.(*ast.Ident)
			literal, isLiteral := spec.Values[0].(*ast.BasicLit)
			if ok && isLiteral && literal.Kind == token.STRING {
				value, err := strconv.Unquote(literal.Value)
				check(err)
				found[typeName.Name] = append(found[typeName.Name], value)
			}
			return true
		})
	}
	return found
}

func (f *filler) fill(v reflect.Value, depth int) {
	switch p := v.Addr().Interface().(type) {
	case *metav1.TypeMeta:
		return
	case *metav1.ObjectMeta:
		p.Name = pick(f, []string{"web", "db-0"})
		p.Namespace = "shop"
		p.CreationTimestamp.Time = f.time()
		if f.Float64() < f.likely {
			p.Labels = map[string]string{"app": pick(f, words)}
		}
		if f.Float64() < f.likely/4 {
			deleted := metav1.NewTime(f.time())
			p.DeletionTimestamp = &deleted
		}
		if f.Float64() < f.likely/4 {
			p.Generation = 2
		}
		return
	case *metav1.Time:
		p.Time = f.time()
		return
	case *metav1.MicroTime:
		p.Time = f.time()
		return
	case *metav1.Duration:
		p.Duration = pick(f, ages)
		return
	case *resource.Quantity:
		*p = resource.MustParse(pick(f, quantities))
		return
	case *intstr.IntOrString:
		*p = intstr.Parse(pick(f, []string{"0", "1", "8080", "25%", "http"}))
		return
	case *runtime.RawExtension:
		p.Raw = []byte(`{"a":1}`)
		return
	case *metav1.FieldsV1:
		check(p.UnmarshalJSON([]byte(`{"f:metadata":{}}`)))
		return
	case *apiextensionsv1.JSON:
		p.Raw = []byte(`{"a":1}`)
		return
	case *apiextensionsv1beta1.JSON:
		p.Raw = []byte(`{"a":1}`)
		return
	case **metav1.Time:
		// A server takes the present for some times that are missing.
		added := metav1.NewTime(f.time())
		*p = &added
		return
	case *metav1.LabelSelectorRequirement:
		p.Key = pick(f, words)
		p.Operator = pick(f, []metav1.LabelSelectorOperator{"In", "NotIn", "Exists", "DoesNotExist"})
		if strings.HasSuffix(string(p.Operator), "In") {
			p.Values = []string{"b", "a"}[f.Intn(2):]
		}
		return
	}
	likely := f.likely
	if depth > 6 {
		likely /= float64(depth - 5)
	}
	if depth > 14 || strings.HasPrefix(v.Type().Name(), "JSONSchemaProps") && depth > 9 {
		likely = 0
	}
	if v.Kind() != reflect.Struct && f.Float64() >= likely {
		return
	}
	switch v.Kind() {
	case reflect.String:
		choice := words
		if v.Type().PkgPath() != "" {
			if constants := f.constantsOf(v.Type().PkgPath())[v.Type().Name()]; len(constants) > 0 {
				choice = constants
			}
		}
		v.SetString(pick(f, choice))
	case reflect.Bool:
		v.SetBool(f.Intn(2) == 0)
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(pick(f, []int{0, 1, 2, 3, 80, 1000})))
	case reflect.Float64:
		v.SetFloat(pick(f, []float64{0, 0.5, 10}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), depth+1)
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			f.fill(v.Field(i), depth+1)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("bytes")[:f.Intn(6)])
			return
		}
		list := reflect.MakeSlice(v.Type(), 1+f.Intn(2), 2)
		for i := 0; i < list.Len(); i++ {
			f.fill(list.Index(i), depth+1)
		}
		v.Set(list)
	case reflect.Map:
		made := reflect.MakeMap(v.Type())
		for _, key := range []string{"cpu", "memory"}[f.Intn(2):] {
			value := reflect.New(v.Type().Elem()).Elem()
			f.fill(value, depth+1)
			made.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), value)
		}
		v.Set(made)
	default:
		check(fmt.Errorf("cannot fill %s", v.Type()))
	}
}

// Takes out what no server stores.
func asStored(object any) {
	switch object := object.(type) {
	case *corev1.Secret:
		object.StringData = nil
	case *corev1.Pod:
		// Its requests are summed up when it is made.
		object.Spec.Resources = nil
	case *autoscalingv1.HorizontalPodAutoscaler:
		// Told by an annotation, too.
		object.Status.CurrentCPUUtilizationPercentage = nil
	}
}

// Objects of every kind, as they are stored.
func random() [][]byte {
	types := scheme.AllKnownTypes()
	f := &filler{Rand: rand.New(rand.NewSource(1)), constants: map[string]map[string][]string{}}
	var out [][]byte
	for _, kind := range storedKinds() {
		// Their fields have no place in the versions that followed.
		if kind.Group == "rbac.authorization.k8s.io" && kind.Version == "v1alpha1" ||
			kind.Group == "autoscaling" && kind.Version == "v2beta1" {
			continue
		}
		for _, likely := range fullness {
			f.likely = likely
			object := reflect.New(types[kind])
			f.fill(object.Elem(), 0)
			asStored(object.Interface())
			out = append(out, store(object.Interface().(runtime.Object), kind))
		}
	}
	return out
}
