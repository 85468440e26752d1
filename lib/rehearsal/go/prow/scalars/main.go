// Reads a JSON list of YAML texts on stdin and prints what Prow's YAML reader makes of each: its JSON, or null where it
// refuses the text. With the argument "string" each is read into a map of strings, as Prow does where a string is wanted.
package main

import (
	"encoding/json"
	"os"

	"sigs.k8s.io/yaml"
)

func main() {
	var texts []string
	if err := json.NewDecoder(os.Stdin).Decode(&texts); err != nil {
		panic(err)
	}
	answers := make([]*string, len(texts))
	for at, text := range texts {
		var read any
		var err error
		if len(os.Args) > 1 {
			strings := map[string]string{}
			err = yaml.Unmarshal([]byte(text), &strings)
			read = strings
		} else {
			err = yaml.Unmarshal([]byte(text), &read)
		}
		if err != nil {
			continue
		}
		if out, err := json.Marshal(read); err == nil {
			answer := string(out)
			answers[at] = &answer
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}
