// Compiled together with checkconfig's own main.go: with MANY set it judges many configurations in one process, with
// YAML set it reads many texts.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/sirupsen/logrus"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"sigs.k8s.io/yaml"
)

// What refuses a configuration; both are empty when it is accepted.
type verdict struct {
	Plain  string `json:"plain"`
	Strict string `json:"strict"`
}

// Each line of stdin is the folder of a configuration; the answer to each is a line of JSON.
func init() {
	if os.Getenv("YAML") != "" {
		readTexts()
		os.Exit(0)
	}
	if os.Getenv("MANY") == "" {
		return
	}
	logrus.SetLevel(logrus.FatalLevel)
	out := json.NewEncoder(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		_ = out.Encode(judge(in.Text()))
	}
	os.Exit(0)
}

func judge(folder string) (answer verdict) {
	// As the process would end.
	defer func() {
		if reason := recover(); reason != nil {
			answer = verdict{fmt.Sprint("panic: ", reason), fmt.Sprint("panic: ", reason)}
		}
	}()
	var o options
	err := o.gatherOptions(flag.NewFlagSet("checkconfig", flag.ContinueOnError), []string{
		"--config-path=" + folder + "/config.yaml",
		"--plugin-config=" + folder + "/plugins.yaml",
		"--job-config-path=" + folder + "/jobs",
	})
	if err == nil {
		err = validate(o)
		// Loading a configuration sets the level that it names.
		logrus.SetLevel(logrus.FatalLevel)
	}
	if err == nil {
		return verdict{}
	}
	// As main does: several errors are warnings, which only --strict refuses.
	if _, warnings := err.(utilerrors.Aggregate); warnings {
		return verdict{Strict: err.Error()}
	}
	return verdict{err.Error(), err.Error()}
}

// Stdin is a JSON list of YAML texts. The answer to each is what Prow's reader makes of it as a line of JSON: its value,
// and the same read into a map of strings; null for what it refuses.
func readTexts() {
	var texts []string
	if err := json.NewDecoder(os.Stdin).Decode(&texts); err != nil {
		panic(err)
	}
	out := json.NewEncoder(os.Stdout)
	for _, text := range texts {
		var answer struct {
			Value   any               `json:"value"`
			Strings map[string]string `json:"strings"`
			Read    bool              `json:"read"`
		}
		answer.Read = yaml.Unmarshal([]byte(text), &answer.Value) == nil
		if yaml.Unmarshal([]byte(text), &answer.Strings) != nil {
			answer.Strings = nil
		}
		if err := out.Encode(answer); err != nil {
			panic(err)
		}
	}
}
