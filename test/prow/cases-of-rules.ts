// Cases of what checkconfig refuses with a reason that our rules explain, and of what cannot run in this installation.

import { add, CONFIG, config, files, good, PLANK, periodic, plank, plugins, pre, presubmit, SPEC } from './case.ts'

// Templates and URLs.
for (const [name, text] of Object.entries({
  'that is not closed': '{{.Spec.Job',
  'with one brace': '{{.Spec.Job}',
  'with an unknown function': '{{upper .Spec.Job}}',
  'with a word for a field': '{{Spec.Job}}',
  'without end': '{{if .Spec.Refs}}x',
  'with an end too many': '{{.Spec.Job}}{{end}}',
  'with else outside': '{{else}}',
  'with two elses': '{{if .Spec.Refs}}a{{else}}b{{else}}c{{end}}',
  'with nothing in it': '{{}}',
  'with an open string': '{{printf "%s .Spec.Job}}',
  'with an open parenthesis': '{{len (.Spec.Job}}',
  'with an unknown variable': '{{$x}}',
  'with an open pipe, which Go takes': '{{.Spec.Job | }}',
  'with a bare if': '{{if}}a{{end}}',
  'with break outside': '{{break}}',
  'with a comment': '{{/* a */}}{{.Spec.Job}}',
  'with trimming': '{{- .Spec.Job -}}',
  'with a block': '{{with index .Spec.Refs.Pulls 0}}{{.Number}}{{end}}',
  'with a loop': '{{range $i, $p := .Spec.Refs.Pulls}}{{$i}}{{$p.Number}}{{end}}',
  'with else if': '{{if eq .Spec.Type "batch"}}a{{else if .Spec.Refs}}b{{else}}c{{end}}',
  'with functions': '{{printf "%q" .Spec.Job | urlquery}} {{len .Spec.ExtraRefs | print 1.5 true}}',
  'with a definition': '{{define "a"}}x{{end}}{{template "a" .}}',
  'with a shortened action': '{{ .Spec.Job }} and { } and }}',
})) {
  plank(`template ${name}`, `  report_templates: {'*': ${JSON.stringify(text)}}\n`)
  config(`link template ${name}`, `tide: {merge_commit_template: {org: {title: ${JSON.stringify(text)}}}}\n`)
}
plank('link template', '  job_url_template: "https://prow.example.com/{{.Spec.Foo"\n')
config(
  'log template of an agent',
  'deck: {external_agent_logs: [{agent: a, selector: x=y, url_template: "{{.Spec.Job}"}]}\n',
)
config('template of jenkins', 'jenkins_operators: [{job_url_template: "{{replace \\"a\\" \\"b\\" .Spec.Job}}"}]\n')
for (const [name, url] of Object.entries({
  'with a space': 'ht tp://prow.example.com/view/',
  'with a space in its host': 'https://prow example.com/view/',
  'with a port of letters': 'https://prow.example.com:x/view/',
  'with a port': 'https://prow.example.com:8443/view/',
  'with a bad escape': 'https://prow.example.com/%zz/view/',
  'with an escape': 'https://prow.example.com/%7Ea/view/',
  'without a scheme': 'prow.example.com/view/',
  'with a colon first': '://prow.example.com/view/',
  'with a port and no scheme': 'prow.example.com:443/view/',
  'to another host': 'https://prow.example.org/view/',
  'with a user': 'https://me:secret@prow.example.com/view/',
  'with an IPv6 host': 'https://[::1]:8080/view/',
  'with a brace': 'https://{host}/view/',
})) {
  plank(`prefix ${name}`, `  job_url_prefix_config: {'*': ${JSON.stringify(url)}}\n`)
  config(`error link ${name}`, `status_error_link: ${JSON.stringify(url)}\n`)
}

// Links to another Prow.
plank(
  'report that leads elsewhere',
  "  report_templates: {'*': '[history](https://prow.example.org/pr-history?org=a) [guide](https://example.org/guide)'}\n",
)
plank(
  'report that points to a guide',
  "  report_templates: {'*': '[guide](https://example.org/guide) [bot](https://go.k8s.io/bot-commands)'}\n",
)
config('status page elsewhere', "tide: {pr_status_base_urls: {'*': 'https://prow.example.org/pr'}}\n")
config('status page', "tide: {pr_status_base_urls: {'*': 'https://prow.example.com/pr'}}\n")
config('target elsewhere', "tide: {target_urls: {'*': 'https://prow.example.org/tide'}}\n")
config('target that is a document', "tide: {target_urls: {'*': 'https://example.org/how-we-merge'}}\n")

// Slack.
config('slack', "slack_reporter_configs: {'*': {channel: c, report_template: '{{.Spec.Job}} {{.Status.State}}'}}\n")
config('slack without channel', "slack_reporter_configs: {'*': {job_states_to_report: [failure]}}\n")
config('slack with a bad template', "slack_reporter_configs: {'*': {channel: c, report_template: '{{.Spec.Job'}}\n")
config('slack with an unknown field', "slack_reporter_configs: {'*': {channel: c, report_template: '{{.Job}}'}}\n")
config('slack with refs', "slack_reporter_configs: {'*': {channel: c, report_template: '{{.Spec.Refs.Org}}'}}\n")
config(
  'slack with refs where there are some',
  "slack_reporter_configs: {'*': {channel: c, report_template: '{{with .Spec.Refs}}{{.Org}}{{end}} {{.Name}} {{.GetName}}'}}\n",
)

// Branch protection.
const protection = (name: string, text: string, more = '') =>
  config(`protection ${name}`, `branch-protection: ${text}\n${more}`)
const QUERY = 'tide: {queries: [{orgs: [org]}]}\n'
protection('of all', '{protect: true}')
protection('include and exclude', '{include: [a], exclude: [b]}')
protection('exclude', '{exclude: ["^dependabot/"]}')
protection('exclude that is no expression', '{exclude: ["*a"]}')
protection(
  'branch without protect',
  '{orgs: {org: {repos: {repo: {branches: {main: {enforce_admins: true}}}}}}}',
  QUERY,
)
protection(
  'branch without protect, no Tide',
  '{orgs: {org: {repos: {repo: {branches: {main: {enforce_admins: true}}}}}}}',
)
protection(
  'branch with inherited protect',
  '{orgs: {org: {protect: true, repos: {repo: {branches: {main: {enforce_admins: true}}}}}}}',
  QUERY,
)
protection('unmanaged branch', '{orgs: {org: {repos: {repo: {branches: {main: {unmanaged: true}}}}}}}', QUERY)
protection('strict everywhere', '{protect: true, required_status_checks: {strict: true}}', QUERY)
protection('strict everywhere, no Tide', '{protect: true, required_status_checks: {strict: true}}')
protection('strict without protect', '{required_status_checks: {strict: true}}', QUERY)
protection('strict in the org', '{orgs: {org: {protect: true, required_status_checks: {strict: true}}}}', QUERY)
protection(
  'strict in a repo',
  '{orgs: {org: {repos: {repo: {protect: true, required_status_checks: {strict: true}}}}}}',
  QUERY,
)
protection(
  'strict in a branch',
  '{orgs: {org: {repos: {repo: {branches: {main: {protect: true, required_status_checks: {strict: true}}}}}}}}',
  QUERY,
)
protection('strict in another org', '{orgs: {other: {protect: true, required_status_checks: {strict: true}}}}', QUERY)
protection(
  'strict in an excluded repo',
  '{orgs: {org: {repos: {a: {protect: true, required_status_checks: {strict: true}}}}}}',
  'tide: {queries: [{orgs: [org], excludedRepos: [org/a]}]}\n',
)
protection('unmanaged', '{unmanaged: true}')
protection('unmanaged with settings', '{unmanaged: true, protect: true}')
protection(
  'unmanaged with settings, managed below',
  '{unmanaged: true, protect: true, orgs: {org: {unmanaged: false}}}',
)
protection('unmanaged with an org', '{unmanaged: true, orgs: {org: {protect: true}}}')
protection('unmanaged with a managed repo', '{unmanaged: true, orgs: {org: {repos: {repo: {unmanaged: false}}}}}')
protection('unmanaged org with settings', '{orgs: {org: {unmanaged: true, protect: true}}}')
protection('unmanaged org with a repo', '{orgs: {org: {unmanaged: true, repos: {repo: {protect: true}}}}}')
protection(
  'unmanaged org with a managed branch',
  '{orgs: {org: {unmanaged: true, repos: {repo: {branches: {main: {unmanaged: false, protect: true}}}}}}}',
)
protection('unmanaged repo with settings', '{orgs: {org: {repos: {repo: {unmanaged: true, protect: true}}}}}')
protection(
  'unmanaged repo with a branch',
  '{orgs: {org: {repos: {repo: {unmanaged: true, branches: {main: {protect: true}}}}}}}',
)
protection(
  'unmanaged repo with a managed branch',
  '{orgs: {org: {repos: {repo: {unmanaged: true, branches: {main: {unmanaged: false, protect: true}}}}}}}',
)
protection(
  'unmanaged branch with settings',
  '{orgs: {org: {repos: {repo: {branches: {main: {unmanaged: true, protect: true}}}}}}}',
)
protection('allowed to be off', '{allow_disabled_policies: true, orgs: {org: {protect: false}}}')

// Contexts.
const contexts = (name: string, text: string, jobs: Record<string, string> = {}) =>
  add(`contexts ${name}`, { config: `${CONFIG}${PLANK}tide: {context_options: ${text}}\n`, jobs })
const JOB = { 'a.yaml': presubmit('always_run: true', SPEC) }
contexts('both ways, of no repository', '{required-contexts: [a], optional-contexts: [a]}')
contexts('both ways', '{required-contexts: [a], optional-contexts: [a]}', JOB)
contexts('both ways by levels', '{required-contexts: [a], orgs: {org: {optional-contexts: [a]}}}', JOB)
contexts(
  'both ways in a branch',
  '{orgs: {org: {repos: {repo: {branches: {main: {required-contexts: [a], required-if-present-contexts: [a]}}}}}}}',
)
contexts('of a required job as optional', '{optional-contexts: [one]}', JOB)
contexts(
  'of a job on another branch',
  '{orgs: {org: {repos: {repo: {branches: {main: {optional-contexts: [one]}}}}}}}',
  {
    'a.yaml': presubmit('always_run: true', 'branches: [^release$]', SPEC),
  },
)
contexts('of an optional job as required', '{required-contexts: [one]}', {
  'a.yaml': presubmit('always_run: true', 'optional: true', SPEC),
})
contexts('apart', '{required-contexts: [a], optional-contexts: [b], required-if-present-contexts: [c]}', JOB)

// More of config.yaml.
config(
  'webhooks of an org and its repo',
  'managed_webhooks: {org_repo_config: {org: {token_created_after: 2020-01-01T00:00:00Z}, org/repo: {token_created_after: 2020-01-01T00:00:00Z}}}\n',
)
config(
  'webhooks of two orgs',
  'managed_webhooks: {org_repo_config: {org: {token_created_after: 2020-01-01T00:00:00Z}, other/repo: {token_created_after: 2020-01-01T00:00:00Z}}}\n',
)
config(
  'webhook of the future',
  'managed_webhooks: {org_repo_config: {org: {token_created_after: 2999-01-01T00:00:00Z}}}\n',
)
config('webhook of a number', 'managed_webhooks: {org_repo_config: {org: {token_created_after: 2}}}\n')
config('both pubsubs', 'pubsub_subscriptions: {p: [s]}\npubsub_triggers: [{project: p, topics: [s]}]\n')
config('one jenkins operator with a selector', 'jenkins_operators: [{label_selector: a=b}]\n')
config('two jenkins operators', 'jenkins_operators: [{label_selector: a=b}, {label_selector: a=c}]\n')
config('two jenkins operators, one without', 'jenkins_operators: [{label_selector: a=b}, {}]\n')
plank('concurrency below 0', '  max_concurrency: -1\n')
config('branch of a merge method', 'tide: {merge_method: {org: {repo: {"*main": squash}}}}\n')
config('branches of a merge method', 'tide: {merge_method: {org: {repo: {"^release-.*$": squash}}}}\n')
config('queries of another org', 'tide: {queries: [{orgs: [other]}]}\n')
config('queries of two orgs', 'tide: {queries: [{orgs: [org, other]}]}\n')
config('merge method of another org', 'tide: {merge_method: {other: squash, other/repo: rebase}}\n')
config(
  'rerun rights of another org',
  'deck: {default_rerun_auth_configs: [{rerun_auth_configs: {github_orgs: [other]}}]}\n',
)
config(
  'rerun rights of a team',
  'deck: {default_rerun_auth_configs: [{rerun_auth_configs: {github_team_slugs: [{org: other, slug: a}]}}]}\n',
)
config(
  'rerun rights of strangers',
  "deck: {rerun_auth_configs: {'*': {github_users: [somebody]}}}\ntide: {queries: [{orgs: [other]}]}\n",
)

// plugins.yaml.
const updater = (name: string, maps: string, more = '') =>
  plugins(
    `updater ${name}`,
    `plugins: {org: {plugins: [trigger, config-updater]}}\nconfig_updater: {maps: ${maps}${more}}\n`,
  )
updater('of another ConfigMap', '{a.yaml: {name: a}}')
updater('of config', '{config/config.yaml: {name: config}}')
plugins('updater without maps', 'plugins: {org: {plugins: [trigger, config-updater]}}\n')
updater('of the same key', '{a/x.yaml: {name: a}, b/x.yaml: {name: a}}')
updater('of the same key by key', '{a/x.yaml: {name: a, key: k}, b/y.yaml: {name: a, key: k}}')
updater(
  'of the same key elsewhere',
  '{a/x.yaml: {name: a, clusters: {default: [prow]}}, b/x.yaml: {name: a, clusters: {default: [other]}}}',
)
updater(
  'of the same key by groups',
  '{a/x.yaml: {name: a, cluster_groups: [g]}, b/x.yaml: {name: a, cluster_groups: [g]}}',
  ', cluster_groups: {g: {clusters: [default], namespaces: [prow]}}',
)
updater('in test-pods', '{a.yaml: {name: a, clusters: {default: [test-pods]}}}')
updater('of another cluster', '{a.yaml: {name: a, clusters: {build: [default]}}}')
updater('of no group', '{a.yaml: {name: a, cluster_groups: [g]}}')
updater(
  'of a group',
  '{a.yaml: {name: a, cluster_groups: [g]}}',
  ', cluster_groups: {g: {clusters: [default], namespaces: [prow]}}',
)
updater('of partitions', '{a.yaml: {partitioned_names: [a, b]}}')
updater(
  'of too many partitions',
  `{a.yaml: {partitioned_names: [${Array.from({ length: 257 }, (_, i) => `p${i}`).join(', ')}]}}`,
)
updater('with a bad repository', '{a.yaml: {name: a, allowed_repos: [a/b/c]}}')
const matching = (name: string, text: string) =>
  plugins(`matching label ${name}`, `require_matching_label: [{${text}}]\n`)
matching('whole', 'org: org, prs: true, regexp: ^kind/, missing_label: needs-kind, grace_period: 1m')
matching('without org', 'prs: true, regexp: ^kind/, missing_label: needs-kind')
matching('without regexp', 'org: org, prs: true, missing_label: needs-kind')
matching('without label', 'org: org, prs: true, regexp: ^kind/')
matching('for nothing', 'org: org, regexp: ^kind/, missing_label: needs-kind')
matching('with org in repo', 'org: org, repo: org/repo, prs: true, regexp: ^kind/, missing_label: needs-kind')
matching('with a branch of issues', 'org: org, branch: main, issues: true, regexp: ^kind/, missing_label: needs-kind')
matching('that matches itself', 'org: org, prs: true, regexp: kind, missing_label: needs-kind')
matching('that is no expression', 'org: org, prs: true, regexp: "^kind/((", missing_label: needs-kind')
matching(
  'with a number for a period',
  'org: org, prs: true, regexp: ^kind/, missing_label: needs-kind, grace_period: 5',
)
plugins(
  'blockade that is no expression',
  'blockades: [{repos: [org], blockregexps: ["a"], branchregexp: "(", explanation: a}]\n',
)
plugins('sigmention that is no expression', 'sigmention: {regexp: "*a"}\n')
plugins('restricted label', 'label: {restricted_labels: {org: [{label: a, allowed_users: [b]}]}}\n')
plugins(
  'restricted label that is additional',
  'label: {additional_labels: [a], restricted_labels: {org: [{label: a}]}}\n',
)
plugins('restricted label without name', 'label: {restricted_labels: {org: [{label: ""}]}}\n')
plugins(
  'excluded repo with the same plugin',
  'plugins: {org: {plugins: [size, trigger], excluded_repos: [a]}, org/a: {plugins: [size]}}\n',
)

plugins('list and map', 'plugins: {org: {plugins: [trigger]}, other: [trigger]}\n')

// Jobs.
pre('of jenkins', 'agent: jenkins', 'decorate: false')
pre('of jenkins, decorated', 'agent: jenkins')
pre('of jenkins with a folder', 'agent: jenkins', 'decorate: false', 'name: folder/one')
pre('of jenkins with a cluster', 'agent: jenkins', 'decorate: false', 'cluster: build')
pre('of jenkins with error_on_eviction', 'agent: jenkins', 'decorate: false', 'error_on_eviction: true')
pre('of tekton without a pipeline', 'agent: tekton-pipeline', 'decorate: false')
good('with a pipeline', 'pipeline_run_spec: {}')
good('with a file pattern', 'run_if_changed: "docs/*"')
good('with two stars', 'run_if_changed: "docs/**"')
good('with an expression of files', 'run_if_changed: "^docs/.*"')
periodic('with clone_depth', 'interval: 1h', 'clone_depth: 1')
periodic('with path_alias', 'interval: 1h', 'path_alias: a')
periodic('with clone_depth 0', 'interval: 1h', 'clone_depth: 0')
periodic('with retry', 'interval: 1h', 'retry: {attempts: 1, interval: never}')
const preset = (name: string, presets: string, ...lines: string[]) =>
  files(`preset ${name}`, { 'a.yaml': `presets: [${presets}]\n${presubmit(...lines)}` })
preset(
  'of its own variable',
  '{labels: {p: "1"}, env: [{name: A, value: b}]}',
  'labels: {p: "1"}',
  'spec: {containers: [{image: i, command: [c], env: [{name: A, value: c}]}]}',
)
preset(
  'of another value',
  '{labels: {p: "1"}, env: [{name: A, value: b}]}',
  'labels: {p: "2"}',
  'spec: {containers: [{image: i, command: [c], env: [{name: A, value: c}]}]}',
)
preset(
  'twice the same variable',
  '{labels: {p: "1"}, env: [{name: A, value: b}]}, {labels: {q: "1"}, env: [{name: A, value: b}]}',
  'labels: {p: "1", q: "1"}',
  SPEC,
)
preset(
  'without labels',
  '{env: [{name: A, value: b}]}',
  'spec: {containers: [{image: i, command: [c], env: [{name: A, value: c}]}]}',
)
preset(
  'of its own volume',
  '{labels: {p: "1"}, volumes: [{name: v, emptyDir: {}}]}',
  'labels: {p: "1"}',
  'spec: {containers: [{image: i, command: [c]}], volumes: [{name: v, emptyDir: {}}]}',
)
preset(
  'of its own mount',
  '{labels: {p: "1"}, volumes: [{name: v, emptyDir: {}}], volumeMounts: [{name: v, mountPath: /a}]}',
  'labels: {p: "1"}',
  'spec: {containers: [{image: i, command: [c], volumeMounts: [{name: v, mountPath: /a}]}]}',
)
preset('of a reserved variable', '{labels: {p: "1"}, env: [{name: JOB_NAME, value: b}]}', 'labels: {p: "1"}', SPEC)
preset(
  'of a mount without a volume',
  '{labels: {p: "1"}, volumeMounts: [{name: v, mountPath: /a}]}',
  'labels: {p: "1"}',
  SPEC,
)
preset(
  'of a hostPath',
  '{labels: {p: "1"}, volumes: [{name: v, hostPath: {path: /lib/modules}}]}',
  'labels: {p: "1"}',
  SPEC,
)
preset('of a Secret', '{labels: {p: "1"}, volumes: [{name: v, secret: {secretName: s}}]}', 'labels: {p: "1"}', SPEC)

// What test-pods does not admit.
pre('privileged', 'spec: {containers: [{image: i, command: [c], securityContext: {privileged: true}}]}')
pre('with a hostPath', 'spec: {containers: [{image: i, command: [c]}], volumes: [{name: v, hostPath: {path: /a}}]}')
pre('with hostNetwork', 'spec: {hostNetwork: true, containers: [{image: i, command: [c]}]}')
