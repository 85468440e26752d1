// Prints what Prow's configuration may contain, as JSON: the fields of each type, and the plugins that are registered.
// `npm run fields` writes lib/prow/rules/fields.json from it; renew.ts says when.
package main

import (
	"encoding"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	prowapi "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
	"sigs.k8s.io/prow/pkg/config"
	_ "sigs.k8s.io/prow/pkg/hook/plugin-imports"
	"sigs.k8s.io/prow/pkg/plugins"
)

var (
	unmarshaler = reflect.TypeOf((*json.Unmarshaler)(nil)).Elem()
	text        = reflect.TypeOf((*encoding.TextUnmarshaler)(nil)).Elem()
	types       = map[string]map[string]string{}
	paths       = map[string]string{}
	// The types with an UnmarshalJSON of their own, by what it takes.
	custom = map[reflect.Type]string{
		reflect.TypeOf(prowapi.Duration{}):      "d",
		reflect.TypeOf(metav1.Duration{}):       "D",
		reflect.TypeOf(resource.Quantity{}):     "q",
		reflect.TypeOf(intstr.IntOrString{}):    "I",
		reflect.TypeOf(metav1.Time{}):           "t",
		reflect.TypeOf(metav1.MicroTime{}):      "t",
		reflect.TypeOf(time.Time{}):             "t",
		reflect.TypeOf(plugins.Plugins{}):       "*",
		reflect.TypeOf(metav1.FieldsV1{}):       "*",
		reflect.TypeOf(plugins.ConfigUpdater{}): "!",
	}
)

// name abbreviates a type: s string, b bool, f float; i64, u32 … integers; d a duration or nanoseconds, D a duration,
// q a quantity, I an integer or string, t a time, * any value; [] list, {} map. A type after ! decodes itself.
func name(t reflect.Type) string {
	if t.Kind() == reflect.Ptr {
		return name(t.Elem())
	}
	code, known := custom[t]
	if known && code != "!" {
		return code
	}
	// Prow runs without Tekton here.
	if strings.Contains(t.PkgPath(), "tektoncd") || t.Name() == "TektonPipelineRunSpec" {
		return "*"
	}
	decodes := t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler) || t.Implements(text) || reflect.PointerTo(t).Implements(text)
	if decodes && !known {
		return "*"
	}
	switch t.Kind() {
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int, reflect.Int64:
		return "i64"
	case reflect.Uint, reflect.Uint64:
		return "u64"
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return fmt.Sprintf("i%d", t.Bits())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return fmt.Sprintf("u%d", t.Bits())
	case reflect.Float32, reflect.Float64:
		return "f"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "*"
		}
		return "[]" + name(t.Elem())
	case reflect.Map:
		return "{}" + name(t.Elem())
	case reflect.Struct:
		return code + structure(t)
	}
	return "*"
}

func structure(t reflect.Type) string {
	id := t.String()
	if path, done := paths[id]; done && path != t.PkgPath() {
		panic("two types are called " + id)
	}
	if _, done := types[id]; !done {
		paths[id] = t.PkgPath()
		types[id] = map[string]string{}
		fields(t, types[id])
	}
	return id
}

// fields adds those of a struct. What an embedded struct has is marked with the type of that: T>s.
func fields(t reflect.Type, into map[string]string) {
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		tag, rest, _ := strings.Cut(field.Tag.Get("json"), ",")
		if tag == "-" || (!field.IsExported() && !field.Anonymous) {
			continue
		}
		inner := field.Type
		if inner.Kind() == reflect.Ptr {
			inner = inner.Elem()
		}
		if field.Anonymous && (tag == "" || strings.Contains(rest, "inline")) && inner.Kind() == reflect.Struct {
			id := structure(inner)
			for name, one := range types[id] {
				// A field of the struct itself hides one that it embeds.
				if _, hidden := into[name]; !hidden {
					into[name] = id + ">" + one[strings.Index(one, ">")+1:]
				}
			}
			continue
		}
		if tag == "" {
			tag = field.Name
		}
		into[tag] = name(field.Type)
	}
}

func main() {
	roots := map[string]string{
		"config":  name(reflect.TypeOf(config.Config{})),
		"jobs":    name(reflect.TypeOf(config.JobConfig{})),
		"plugins": name(reflect.TypeOf(plugins.Configuration{})),
	}
	name(reflect.TypeOf(plugins.OrgPlugins{}))
	known := []string{}
	for plugin := range plugins.HelpProviders() {
		known = append(known, plugin)
	}
	sort.Strings(known)
	out := json.NewEncoder(os.Stdout)
	_ = out.Encode(map[string]any{"roots": roots, "plugins": known, "types": types})
}
