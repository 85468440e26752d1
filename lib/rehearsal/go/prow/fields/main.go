// Prints what Prow's configuration may contain, as JSON: the fields of each type, and the plugins that are registered.
// lib/prow/rules/fields.json is its output, here:  go run ./fields > ../../../prow/rules/fields.json
package main

import (
	"encoding"
	"encoding/json"
	"os"
	"reflect"
	"sort"
	"strings"

	"sigs.k8s.io/prow/pkg/config"
	_ "sigs.k8s.io/prow/pkg/hook/plugin-imports"
	"sigs.k8s.io/prow/pkg/plugins"
)

var (
	unmarshaler = reflect.TypeOf((*json.Unmarshaler)(nil)).Elem()
	text        = reflect.TypeOf((*encoding.TextUnmarshaler)(nil)).Elem()
	types       = map[string]map[string]string{}
)

// name abbreviates a type: s string, b bool, i integer, f float, d duration, * any value, [] list, {} map.
func name(t reflect.Type) string {
	if t.Kind() == reflect.Ptr {
		return name(t.Elem())
	}
	if t.Name() == "Duration" && t.Kind() == reflect.Struct {
		return "d"
	}
	// Prow runs without Tekton here.
	if strings.Contains(t.PkgPath(), "tektoncd") || t.Name() == "TektonPipelineRunSpec" {
		return "*"
	}
	if t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler) || t.Implements(text) || reflect.PointerTo(t).Implements(text) {
		return "*"
	}
	switch t.Kind() {
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "i"
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
		id := t.String()
		if _, done := types[id]; !done {
			types[id] = map[string]string{}
			fields(t, types[id])
		}
		return id
	}
	return "*"
}

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
			fields(inner, into)
			continue
		}
		if tag == "" {
			tag = field.Name
		}
		into[tag] = name(field.Type)
	}
}

func main() {
	roots := map[string]string{"config": name(reflect.TypeOf(config.Config{})), "plugins": name(reflect.TypeOf(plugins.Configuration{}))}
	known := []string{}
	for plugin := range plugins.HelpProviders() {
		known = append(known, plugin)
	}
	sort.Strings(known)
	out := json.NewEncoder(os.Stdout)
	_ = out.Encode(map[string]any{"roots": roots, "plugins": known, "types": types})
}
