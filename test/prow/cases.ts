// Configurations, valid and invalid, for the rules of this runbook and for checkconfig. An invalid one has one problem.

import {
  add,
  all,
  type Case,
  CONFIG,
  config,
  files,
  good,
  PLANK,
  periodic,
  plank,
  plugins,
  post,
  pre,
  presubmit,
  SPEC,
} from './case.ts'
import './cases-of-rules.ts'

// The YAML itself.
config('nothing more', '')
config('tab', 'deck:\n\ttide_update_period: 10s\n')
config('bad indentation', 'deck:\n    a: 1\n  b: 2\n')
config('unclosed quote', 'log_level: "info\n')
config('unclosed bracket', 'disabled_clusters: [a, b\n')
config('key twice', 'log_level: info\nlog_level: debug\n')
config('second document', '---\nlog_level: info\n')
config('comment only after', '# nothing\n')
config('anchor and alias', 'disabled_clusters: &x [a]\ndeck: {hidden_repos: *x}\n')
config('merge key', 'sinker: &s {resync_period: 1h}\nhorologium: {}\n')
config('unknown alias', 'disabled_clusters: *nobody\n')
config('yes for a text', 'log_level: yes\n')
config('number for a text', 'status_error_link: 12\n')
config('float for a text', 'log_level: 1.10\n')
config('text of digits', 'log_level: "1"\n')
config('null section', 'deck:\n')
config('time of base 60', 'log_level: 1:30\n')
config('date for a text', 'status_error_link: 2020-01-01\n')
config('empty list', 'disabled_clusters: []\n')
config('null list', 'disabled_clusters:\n')
config('windows line ends', 'log_level: info\r\ndisabled_clusters: [a]\r\n')
config('block text', 'status_error_link: |\n  a\n  b\n')
config('octal number', 'sinker: {}\ngithub_reporter: {}\ntide: {max_goroutines: 010}\n')
add('config: empty', { config: '' })
add('config: no namespaces', { config: PLANK })
add('config: other namespaces', { config: `prowjob_namespace: default\npod_namespace: default\n${PLANK}` })
add('config: a list', { config: '- a\n' })
add('config: a string', { config: 'word\n' })

// Types and fields.
config('unknown field at the top', 'deckk: {}\n')
config('unknown field in deck', 'deck: {view_auth_configs: {}}\n')
config('unknown field in a query', 'tide: {queries: [{orgs: [org], labls: [lgtm]}]}\n')
config('field in other case', 'Log_Level: info\n')
config('text for a list', 'disabled_clusters: a\n')
config('list for a map', 'deck: [a]\n')
config('map for a text', 'log_level: {a: b}\n')
config('map for a list', 'disabled_clusters: {a: b}\n')
config('quoted true', 'decorate_all_jobs_x: true\ndeck: {skip_storage_path_validation: "true"}\n')
config('quoted number', 'tide: {max_goroutines: "20"}\n')
config('yes for a bool', 'deck: {skip_storage_path_validation: yes}\n')
config('on for a bool', 'push_gateway: {serve_metrics: on}\n')
config('duration', 'sinker: {resync_period: 1h30m}\n')
config('duration of a number', 'sinker: {resync_period: 3600}\n')
config('duration in days', 'sinker: {max_pod_age: 7d}\n')
config('duration without unit', 'sinker: {max_pod_age: "60"}\n')
config('duration with a blank', 'sinker: {max_pod_age: 1 h}\n')
config('duration with a fraction', 'sinker: {max_pod_age: 1.5h}\n')

// Pairs.
plank(
  'both decorations',
  `  default_decoration_configs: {'*': {timeout: 1h}}\n  default_decoration_config_entries: [{config: {timeout: 1h}}]\n`,
)
plank('old decoration', `  default_decoration_configs: {'*': {timeout: 1h}}\n`)
plank('goroutines', '  max_goroutines: -1\n')
plank('both report templates', `  report_template: a\n  report_templates: {'*': b}\n`)
plank('report template', `  report_templates: {'*': '{{.Spec.Job}}'}\n`)
plank('prefix', `  job_url_prefix_config: {'*': 'https://prow.example.com/view/'}\n`)
plank('prefix without view', `  job_url_prefix_config: {'*': 'https://prow.example.com/'}\n`)
plank('prefix with http', `  job_url_prefix_config: {'*': 'http://prow.example.com/view/'}\n`)
config(
  'both reruns',
  "deck: {rerun_auth_configs: {'*': {allow_anyone: true}}, default_rerun_auth_configs: [{rerun_auth_configs: {allow_anyone: true}}]}\n",
)
config('rerun entries', 'deck: {default_rerun_auth_configs: [{rerun_auth_configs: {github_orgs: [org]}}]}\n')
config(
  'rerun anyone and some',
  'deck: {default_rerun_auth_configs: [{rerun_auth_configs: {allow_anyone: true, github_orgs: [org]}}]}\n',
)
config('old rerun anyone and some', "deck: {rerun_auth_configs: {'*': {allow_anyone: true, github_users: [a]}}}\n")
config('both target urls', "tide: {target_url: 'https://a', target_urls: {'*': 'https://b'}}\n")
config('both status urls', "tide: {pr_status_base_url: 'https://a', pr_status_base_urls: {'*': 'https://b'}}\n")
config('status urls without star', "tide: {pr_status_base_urls: {org: 'https://b'}}\n")
config('status urls', "tide: {pr_status_base_urls: {'*': 'https://b'}}\n")
config(
  'both browser prefixes',
  "deck: {spyglass: {gcs_browser_prefix: 'https://a', gcs_browser_prefixes: {'*': 'https://b'}}}\n",
)
config(
  'browser prefix and one of an org',
  "deck: {spyglass: {gcs_browser_prefix: 'https://a', gcs_browser_prefixes: {org: 'https://b'}}}\n",
)
config('both storage settings', 'deck: {skip_storage_path_validation: true, additional_allowed_buckets: [b]}\n')
config('additional buckets', 'deck: {additional_allowed_buckets: [b]}\n')
config(
  'additional buckets, validated',
  'deck: {skip_storage_path_validation: false, additional_allowed_buckets: [b]}\n',
)
config(
  'additional bucket with a scheme',
  'deck: {skip_storage_path_validation: false, additional_allowed_buckets: ["s3://b"]}\n',
)
config('links to gcsweb', "deck: {spyglass: {gcs_browser_prefix: 'https://gcsweb.k8s.io/gcs/'}}\n")
config(
  'links to the console',
  "deck: {spyglass: {gcs_browser_prefix: 'https://s3.console.aws.amazon.com/s3/buckets/'}}\n",
)
config('hidden repos', 'deck: {hidden_repos: [org/secret]}\n')
config('size limit', 'deck: {spyglass: {size_limit: -1}}\n')

// Spyglass.
config('lens', 'deck: {spyglass: {lenses: [{lens: {name: metadata}, required_files: [started.json]}]}}\n')
config(
  'lens with a bad expression',
  'deck: {spyglass: {lenses: [{lens: {name: metadata}, required_files: ["*.json"]}]}}\n',
)
config('lens with an open group', 'deck: {spyglass: {lenses: [{lens: {name: metadata}, required_files: ["(a"]}]}}\n')
config('lens that looks ahead', 'deck: {spyglass: {lenses: [{lens: {name: metadata}, required_files: ["a(?!b)"]}]}}\n')
config('lens with flags', 'deck: {spyglass: {lenses: [{lens: {name: metadata}, required_files: ["(?i)a(?P<n>b)"]}]}}\n')

// Tide.
const query = (name: string, text: string) => config(`query ${name}`, `tide: {queries: [${text}]}\n`)
query('of an org', '{orgs: [org]}')
query('of a repo', '{repos: [org/repo]}')
query('of nobody', '{labels: [a]}')
query('org with a slash', '{orgs: [org/repo]}')
query('empty org', '{orgs: [""]}')
query('repo without org', '{repos: [repo]}')
query('repo with three parts', '{repos: [a/b/c]}')
query('org and its repo', '{orgs: [org], repos: [org/repo]}')
query('org twice', '{orgs: [org, org]}')
query('label twice', '{orgs: [org], labels: [a, a]}')
query('label wanted and not', '{orgs: [org], labels: [a], missingLabels: [a]}')
query('branches both ways', '{orgs: [org], includedBranches: [a], excludedBranches: [b]}')
query('branches', '{orgs: [org], includedBranches: [a]}')
query('excluded repo', '{orgs: [org], excludedRepos: [org/a]}')
query('excluded repo of another', '{orgs: [org], excludedRepos: [other/a]}')
query('lgtm and needs-ok-to-test', '{orgs: [org], labels: [lgtm], missingLabels: [needs-ok-to-test]}')
query('lgtm without the plugin', '{orgs: [org], labels: [lgtm]}')
query('hold without the plugin', '{orgs: [org], missingLabels: [do-not-merge/hold]}')
query('review', '{orgs: [org], reviewApprovedRequired: true}')
config('merge method', 'tide: {merge_method: {org: squash, org/repo: rebase}}\n')
config('unknown merge method', 'tide: {merge_method: {org: fast-forward}}\n')
config('merge method by branch', 'tide: {merge_method: {org: {repo: {main: squash}}}}\n')
config('unknown merge method by branch', 'tide: {merge_method: {org: {repo: {main: octopus}}}}\n')
config('context both ways', 'tide: {context_options: {required-contexts: [a], optional-contexts: [a]}}\n')
config('contexts', 'tide: {context_options: {required-contexts: [a], optional-contexts: [b]}}\n')
config('goroutines', 'tide: {max_goroutines: -1}\n')
config('reported periodic', 'github_reporter: {job_types_to_report: [periodic]}\n')
config('reported batch', 'github_reporter: {job_types_to_report: [presubmit]}\n')
config('newer field', 'tide: {github_merge_blocks_policy: {"*": ignore}}\n')
config('newer field of another type', 'tide: {github_merge_blocks_policy: ignore}\n')
config('update period', 'deck: {tide_update_period: 1s}\n')
config('sync period', 'tide: {sync_period: 15s}\n')
config('push gateway', 'push_gateway: {endpoint: pushgateway}\n')

// plugins.yaml.
plugins('empty', '')
plugins('list form', 'plugins: {org: [trigger]}\n')
plugins('unknown plugin', 'plugins: {org: {plugins: [trigger, aprove]}}\n')
plugins("the guide's own plugin", 'plugins: {org: {plugins: [weainformer]}}\n')
plugins('newer plugin', 'plugins: {org: {plugins: [issue-management]}}\n')
plugins('older plugin', 'plugins: {org: {plugins: [transfer-issue]}}\n')
plugins('twice', 'plugins: {org: {plugins: [size]}, org/repo: {plugins: [size]}}\n')
plugins('twice in one list', 'plugins: {org: {plugins: [size, size]}}\n')
plugins('external twice', 'external_plugins: {org: [{name: a}], org/repo: [{name: a}]}\n')
plugins('external', 'external_plugins: {org: [{name: a, events: [push]}]}\n')
plugins('unknown section', 'file_size_limit: {}\n')
plugins('unknown field of trigger', 'triggers: [{repos: [org], elide_skipped_contexts: true}]\n')
plugins('newer field of trigger', 'triggers: [{repos: [org], org_invite: {}}]\n')
plugins('trusted app', 'triggers: [{repos: [org], trusted_apps: [dependabot]}]\n')
plugins('trusted app with its suffix', 'triggers: [{repos: [org], trusted_apps: ["dependabot[bot]"]}]\n')
plugins('trusted app of dco', 'dco: {org: {trusted_apps: ["renovate[bot]"]}}\n')
plugins('text for repos', 'triggers: [{repos: org}]\n')
plugins('sizes', 'size: {s: 100, m: 30, l: 100, xl: 500, xxl: 1000}\n')
plugins('good sizes', 'size: {s: 1, m: 3, l: 10, xl: 50, xxl: 100}\n')
plugins('one size', 'size: {s: 5}\n')
plugins('no reviewers', 'blunderbuss: {request_count: 0}\n')
plugins('approve twice', 'approve: [{repos: [org]}, {repos: [org]}]\n')
plugins('approve for org and repo', 'approve: [{repos: [org]}, {repos: [org/repo]}]\n')
plugins('approve without verify-owners', 'plugins: {org: {plugins: [approve]}}\n')
plugins('lgtm twice', 'lgtm: [{repos: [org]}, {repos: [org]}]\n')
plugins('updater', 'config_updater: {maps: {config/config.yaml: {name: config}}}\n')
plugins('updater of labels by a pattern', 'config_updater: {maps: {"label/*.yaml": {name: label-config}}}\n')
plugins('updater with two names', 'config_updater: {maps: {a: {name: config, partitioned_names: [b]}}}\n')
plugins('updater with unknown field', 'config_updater: {maps: {a: {name: config, namspace: prow}}}\n')
plugins(
  'updater to a strange namespace',
  'config_updater: {maps: {a: {name: config, clusters: {default: [kube-deploy]}}}}\n',
)
plugins(
  'updater both clusters',
  'config_updater: {maps: {a: {name: b, clusters: {default: [prow]}, cluster_groups: [g]}}, cluster_groups: {g: {clusters: [default], namespaces: [prow]}}}\n',
)
plugins('plugins as a list', 'plugins: [trigger]\n')
plugins('plugins as text', 'plugins: {org: trigger}\n')
plugins('excluded repos', 'plugins: {org: {plugins: [trigger], excluded_repos: [org/a]}}\n')
plugins('unknown field of an org', 'plugins: {org: {plugin: [trigger]}}\n')
plugins(
  'require matching label',
  'require_matching_label: [{org: org, repo: repo, prs: true, missing_label: a, regexp: b}]\n',
)
plugins('welcome', 'welcome: [{repos: [org], message_template: hi}]\n')
add('plugins: with tide, all in step', {
  config: `${CONFIG}${PLANK}tide: {queries: [{orgs: [org], labels: [lgtm, approved], missingLabels: [do-not-merge/hold, do-not-merge/work-in-progress, do-not-merge/invalid-owners-file]}]}\n`,
  plugins: 'plugins: {org: {plugins: [trigger, lgtm, approve, hold, wip, verify-owners]}}\n',
})
add('plugins: with tide, hold unminded', {
  config: `${CONFIG}${PLANK}tide: {queries: [{orgs: [org], labels: [lgtm, approved], missingLabels: [do-not-merge/work-in-progress, do-not-merge/invalid-owners-file]}]}\n`,
  plugins: 'plugins: {org: {plugins: [trigger, lgtm, approve, hold, wip, verify-owners]}}\n',
})
add('plugins: with tide, all but one repo', {
  config: `${CONFIG}${PLANK}tide: {queries: [{orgs: [org], excludedRepos: [org/a], labels: [lgtm]}]}\n`,
  plugins: 'plugins: {org: {plugins: [lgtm], excluded_repos: [org/a]}}\n',
})
add('plugins: with tide, a repo of the org only', {
  config: `${CONFIG}${PLANK}tide: {queries: [{repos: [org/a], labels: [lgtm]}]}\n`,
  plugins: 'plugins: {org: {plugins: [lgtm]}}\n',
})
add('plugins: with tide, two queries', {
  config: `${CONFIG}${PLANK}tide: {queries: [{orgs: [org], labels: [lgtm]}, {repos: [other/a]}]}\n`,
  plugins: 'plugins: {org: {plugins: [lgtm]}, other: {plugins: [lgtm]}}\n',
})

plugins('number for a text', 'welcome: [{repos: [org], message_template: 12}]\n')
plugins('number for an external name', 'external_plugins: {org: [{name: 12}]}\n')
plugins('yes for a text in a list', 'plugins: {org: {plugins: [trigger]}}\nlabel: {additional_labels: [yes]}\n')
plugins('number for a plugin', 'plugins: {org: {plugins: [12]}}\n')
plugins('number in a map of texts', 'milestone_applier: {org/repo: {main: 1.10}}\n')

// Jobs.
good('plain')
good('always', 'always_run: true')
pre('without spec', 'always_run: true')
pre('without containers', 'spec: {containers: []}')
pre('without command', 'spec: {containers: [{image: i}]}')
pre('with args only', 'spec: {containers: [{image: i, args: [a]}]}')
pre('with empty command', 'spec: {containers: [{image: i, command: [""]}]}')
good('undecorated', 'decorate: false')
pre('undecorated without command', 'decorate: false', 'spec: {containers: [{image: i}]}')
good('bad name', 'name: my job')
good('name with slash', 'name: my/job')
good('empty name', 'name: ""')
good('number as name', 'name: 12')
good('long name', `name: ${'a'.repeat(64)}`)
good('name of 63', `name: ${'a'.repeat(63)}`)
good('unknown field', 'alway_run: true')
good('quoted bool', 'always_run: "true"')
good('branches as text', 'branches: main')
good('always and changed', 'always_run: true', 'run_if_changed: ^a')
good('changed', 'run_if_changed: ^a')
good('both changed', 'run_if_changed: ^a', 'skip_if_only_changed: ^b')
good('always and skip', 'always_run: true', 'skip_if_only_changed: ^b')
good('bad expression', 'run_if_changed: "("')
good('lookahead', 'run_if_changed: "a(?!b)"')
good('star first', 'run_if_changed: "*.go"')
good('class open', 'run_if_changed: "[a"')
good('backslash class', 'run_if_changed: "\\\\.go$"')
good('posix class', 'run_if_changed: "[[:alpha:]]+"')
good('branch expressions', 'branches: [^main$, release-.*]')
good('bad branch expression', 'branches: ["("]')
good('trigger alone', 'trigger: /test one')
good('rerun alone', 'rerun_command: /test one')
good('trigger and rerun', 'trigger: "(?m)^/test one$"', 'rerun_command: /test one')
good('trigger that does not fit', 'trigger: "(?m)^/test one$"', 'rerun_command: /test two')
good('negative concurrency', 'max_concurrency: -1')
good('namespace', 'namespace: elsewhere')
good('its namespace', 'namespace: test-pods')
good('cluster', 'cluster: build')
good('label', 'labels: {a: b}')
good('label of a number', 'labels: {a: 1}')
good('bad label value', 'labels: {a: "b c"}')
good('bad label name', 'labels: {"a b": c}')
good('reserved label', 'labels: {created-by-prow: "true"}')
good('annotation', 'annotations: {a/b: c}')
good('bad annotation', 'annotations: {"a b": c}')
good('queue', 'job_queue_name: nobody')
good('rerun rights', 'rerun_auth_config: {allow_anyone: true}')
good('rerun rights both', 'rerun_auth_config: {allow_anyone: true, github_users: [a]}')
good('extra ref', 'extra_refs: [{org: other, repo: a, base_ref: main}]')
good('extra ref of itself', 'extra_refs: [{org: org, repo: repo, base_ref: main}]')
good('jenkins with a spec', 'agent: jenkins')
good('unknown agent', 'agent: other')
good('branch as a number', 'branches: [1.10]')
good('ref as a number', 'extra_refs: [{org: o, repo: r, base_ref: 1.10}]')
good('ref as yes', 'extra_refs: [{org: o, repo: r, base_ref: on}]')
good('secret as a number', 'decoration_config: {s3_credentials_secret: 12}')
good('annotation of a number', 'annotations: {a: 1}')
good('annotation of true', 'annotations: {a: true}')
good('command of numbers', 'annotations: {a: b}')
pre('argument as a number', 'spec: {containers: [{image: i, command: [sleep], args: [60]}]}')
pre('image as a number', 'spec: {containers: [{image: 12, command: [c]}]}')
pre('node selector as true', 'spec: {nodeSelector: {a: true}, containers: [{image: i, command: [c]}]}')
pre('init containers', 'spec: {initContainers: [{name: a, image: i}], containers: [{image: i, command: [c]}]}')
pre(
  'side container',
  'spec: {initContainers: [{name: a, image: i, restartPolicy: Always}], containers: [{image: i, command: [c]}]}',
)
pre('two containers', 'spec: {containers: [{name: a, image: i, command: [c]}, {name: b, image: i, command: [c]}]}')
pre('two containers without names', 'spec: {containers: [{image: i, command: [c]}, {image: i, command: [c]}]}')
pre(
  'two containers of one name',
  'spec: {containers: [{name: a, image: i, command: [c]}, {name: a, image: i, command: [c]}]}',
)
pre(
  'two containers, reserved name',
  'spec: {containers: [{name: sidecar, image: i, command: [c]}, {name: a, image: i, command: [c]}]}',
)
pre('two containers undecorated', 'decorate: false', 'spec: {containers: [{name: a, image: i}, {name: b, image: i}]}')
pre('env', 'spec: {containers: [{image: i, command: [c], env: [{name: A, value: "1"}]}]}')
pre('env of a number', 'spec: {containers: [{image: i, command: [c], env: [{name: A, value: 1}]}]}')
pre('env twice', 'spec: {containers: [{image: i, command: [c], env: [{name: A}, {name: A}]}]}')
pre('env reserved', 'spec: {containers: [{image: i, command: [c], env: [{name: PULL_NUMBER}]}]}')
pre('env build id', 'spec: {containers: [{image: i, command: [c], env: [{name: BUILD_NUMBER}]}]}')
pre('env artifacts', 'spec: {containers: [{image: i, command: [c], env: [{name: ARTIFACTS}]}]}')
pre(
  'volume',
  'spec: {volumes: [{name: v, emptyDir: {}}], containers: [{image: i, command: [c], volumeMounts: [{name: v, mountPath: /v}]}]}',
)
pre(
  'volume twice',
  'spec: {volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}], containers: [{image: i, command: [c]}]}',
)
pre('volume reserved', 'spec: {volumes: [{name: logs, emptyDir: {}}], containers: [{image: i, command: [c]}]}')
pre('mount of nothing', 'spec: {containers: [{image: i, command: [c], volumeMounts: [{name: v, mountPath: /v}]}]}')
pre(
  'mount at a reserved path',
  'spec: {volumes: [{name: v, emptyDir: {}}], containers: [{image: i, command: [c], volumeMounts: [{name: v, mountPath: /logs}]}]}',
)
pre('mount of tools', 'spec: {containers: [{image: i, command: [c], volumeMounts: [{name: tools, mountPath: /x}]}]}')
pre('wrong type in the spec', 'spec: {containers: {image: i}}')
pre('unknown field in the spec', 'spec: {containers: [{image: i, command: [c], imagePullpolicy2: Always}]}')
pre('quantity', 'spec: {containers: [{image: i, command: [c], resources: {requests: {cpu: 1, memory: 1Gi}}}]}')
pre('bad quantity', 'spec: {containers: [{image: i, command: [c], resources: {requests: {cpu: much}}}]}')
pre('command as text', 'spec: {containers: [{image: i, command: c}]}')
pre('port', 'spec: {containers: [{image: i, command: [c], ports: [{containerPort: "80"}]}]}')
good('decoration of its own', 'decoration_config: {timeout: 10m}')
good('decoration with bad timeout', 'decoration_config: {timeout: 10min}')
good('bucket of its own', 'decoration_config: {gcs_configuration: {bucket: other}}')
good('old image of its own', "decoration_config: {utility_images: {sidecar: 'gcr.io/k8s-prow/sidecar:v1'}}")
good('strategy of its own', 'decoration_config: {gcs_configuration: {path_strategy: single}}')
good(
  'strategy complete',
  'decoration_config: {gcs_configuration: {path_strategy: single, default_org: o, default_repo: r}}',
)
good('bucket of another name', 'decoration_config: {gcs_configuration: {bucket: s3://other}}')
good(
  'bucket and Secret of its own',
  'decoration_config: {gcs_configuration: {bucket: s3://other}, s3_credentials_secret: mine}',
)
good('two clone credentials', 'decoration_config: {oauth_token_secret: {name: a, key: b}, ssh_key_secrets: [c]}')
good('newer decoration field', 'decoration_config: {sparse_checkout_files: [a]}')
periodic('interval', 'interval: 1h')
periodic('days', 'interval: 1d')
periodic('minimum interval', 'minimum_interval: 30m')
periodic('never')
periodic('both', 'interval: 1h', 'cron: "@daily"')
periodic('cron', 'cron: "0 3 * * 1-5"')
periodic('cron with names', 'cron: "0 3 * jan MON"')
periodic('cron daily', 'cron: "@daily"')
periodic('cron every', 'cron: "@every 1h"')
periodic('cron sometimes', 'cron: "@sometimes"')
periodic('cron of four', 'cron: "0 3 * *"')
periodic('cron of six', 'cron: "0 0 3 * * *"')
periodic('cron of seven', 'cron: "0 0 3 * * * 1"')
periodic('cron minute 60', 'cron: "60 3 * * *"')
periodic('cron sunday 7', 'cron: "0 3 * * 7"')
periodic('cron steps', 'cron: "*/15 2-4 * * *"')
periodic('cron backwards', 'cron: "0 5-3 * * *"')
periodic('cron with a word', 'cron: "0 three * * *"')
periodic('cron unquoted star', 'cron: 0 3 * * *')
periodic('cron with zone', 'cron: "TZ=UTC 0 3 * * *"')
periodic('newer retry', 'interval: 1h', 'retry: {attempts: 2}')
periodic('env of a pull request', 'interval: 1h', 'max_concurrency: 1')
periodic('tags', 'interval: 1h', 'tags: [a]')
files('null periodics', { 'a.yaml': 'periodics:\n' })
files('empty file', { 'a.yaml': '' })
files('periodic twice', {
  'a.yaml': `periodics:\n  - name: one\n    interval: 1h\n    ${SPEC}\n`,
  'b.yaml': `periodics:\n  - name: one\n    interval: 2h\n    ${SPEC}\n`,
})
files('presubmit twice over files', { 'a.yaml': presubmit(SPEC), 'b.yaml': presubmit(SPEC) })
files('presubmit twice on other branches', {
  'a.yaml': presubmit('branches: [main]', SPEC),
  'b.yaml': presubmit('branches: [release]', SPEC),
})
files('presubmit twice, skipping', {
  'a.yaml': presubmit('branches: [main]', SPEC),
  'b.yaml': presubmit('skip_branches: [main]', SPEC),
})
files('presubmit twice, skipping another', {
  'a.yaml': presubmit('branches: [main]', SPEC),
  'b.yaml': presubmit('skip_branches: [other]', SPEC),
})
files('one context', { 'a.yaml': presubmit('context: c', SPEC), 'b.yaml': presubmit('name: two', 'context: c', SPEC) })
files('one context on other branches', {
  'a.yaml': presubmit('context: c', 'branches: [a]', SPEC),
  'b.yaml': presubmit('name: two', 'context: c', 'branches: [b]', SPEC),
})
files('context as the name of another', {
  'a.yaml': presubmit(SPEC),
  'b.yaml': presubmit('name: two', 'context: one', SPEC),
})
files('presubmit and postsubmit of a name', {
  'a.yaml': presubmit(SPEC),
  'b.yaml': `postsubmits:\n  org/repo:\n    - name: one\n      ${SPEC}\n`,
})
files('jobs without trigger', { 'a.yaml': presubmit(SPEC).replace('org/repo', 'stranger/repo') })
files('unknown top field', { 'a.yaml': 'presubmit: {}\n' })
files('a list', { 'a.yaml': '- name: one\n' })
files('config fields in a job file', { 'a.yaml': 'log_level: info\n' })
files('preset', { 'a.yaml': 'presets: [{labels: {a: b}, env: [{name: A, value: x}]}]\n' })
files('preset twice', { 'a.yaml': 'presets: [{labels: {a: b}}]\n', 'b.yaml': 'presets: [{labels: {a: b}}]\n' })
files('key twice', {
  'a.yaml': `presubmits:\n  org/repo:\n    - name: one\n      ${SPEC}\n  org/repo:\n    - name: two\n      ${SPEC}\n`,
})
files('tab', { 'a.yaml': 'periodics:\n\t- name: one\n' })
files('anchors', {
  'a.yaml': `periodics:\n  - &one\n    name: one\n    interval: 1h\n    ${SPEC}\n  - <<: *one\n    name: two\n`,
})
files('volume of a preset', {
  'a.yaml': `presets: [{labels: {p: "1"}, volumes: [{name: v, emptyDir: {}}]}]\n${presubmit('labels: {p: "1"}', 'spec: {containers: [{image: i, command: [c], volumeMounts: [{name: v, mountPath: /v}]}]}')}`,
})
files('no default decoration', { 'a.yaml': presubmit(SPEC) }, { config: CONFIG })
files(
  'decoration without an image',
  { 'a.yaml': presubmit(SPEC) },
  {
    config: `${CONFIG}plank: {default_decoration_config_entries: [{config: {utility_images: {clonerefs: a}, gcs_configuration: {bucket: s3://logs, path_strategy: explicit}}}]}\n`,
  },
)
files(
  'decoration without a bucket',
  { 'a.yaml': presubmit(SPEC) },
  {
    config: `${CONFIG}plank: {default_decoration_config_entries: [{config: {utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}}}]}\n`,
  },
)
files(
  'decoration of the org',
  { 'a.yaml': presubmit(SPEC) },
  {
    config: `${CONFIG}plank: {default_decoration_config_entries: [{repo: org, config: {utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}, gcs_configuration: {bucket: s3://logs, path_strategy: explicit}}}]}\n`,
  },
)
files(
  'decoration of another org',
  { 'a.yaml': presubmit(SPEC) },
  {
    config: `${CONFIG}plank: {default_decoration_config_entries: [{repo: other, config: {utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}, gcs_configuration: {bucket: s3://logs, path_strategy: explicit}}}]}\n`,
  },
)
files(
  'decoration by the old map',
  { 'a.yaml': presubmit(SPEC) },
  {
    config: `${CONFIG}plank: {default_decoration_configs: {'*': {utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}, gcs_configuration: {bucket: s3://logs, path_strategy: explicit}}}}\n`,
  },
)
files(
  'decoration misspelt strategy',
  { 'a.yaml': presubmit(SPEC) },
  {
    config: `${CONFIG}plank: {default_decoration_configs: {'*': {utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}, gcs_configuration: {bucket: s3://logs, path_strategy: explict}}}}\n`,
  },
)
post('plain')
post('always and changed', 'always_run: true', 'run_if_changed: ^a')
post('changed', 'run_if_changed: ^a')
post('trigger', 'trigger: a')
plank(
  'bucket without scheme',
  `  default_decoration_config_entries: [{config: {utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}, gcs_configuration: {bucket: logs, path_strategy: explicit}}}]\n`,
  { 'a.yaml': presubmit(SPEC) },
)
plank(
  'bucket of another name',
  `  default_decoration_config_entries: [{config: {utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}, gcs_configuration: {bucket: s3://other, path_strategy: explicit}}}]\n`,
  { 'a.yaml': presubmit(SPEC) },
)
plank(
  'sidecar that loses logs',
  `  default_decoration_config_entries:
    - config:
        utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: "r/sidecar:v20260821-a61940897"}
        gcs_configuration: {bucket: s3://logs, path_strategy: explicit}
`,
)
plank(
  'images of the old registry',
  `  default_decoration_config_entries: [{config: {utility_images: {clonerefs: 'gcr.io/k8s-prow/clonerefs:v20211111-bce61c7c4a', initupload: b, entrypoint: c, sidecar: d}, gcs_configuration: {bucket: s3://logs, path_strategy: explicit}}}]\n`,
  { 'a.yaml': presubmit(SPEC) },
)
plank(
  'compressed files',
  `  default_decoration_config_entries: [{config: {utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}, gcs_configuration: {bucket: s3://logs, path_strategy: explicit, compress_file_types: [txt]}}}]\n`,
  { 'a.yaml': presubmit(SPEC) },
)
plank(
  "the bot's token",
  `  default_decoration_config_entries: [{config: {utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}, gcs_configuration: {bucket: s3://logs, path_strategy: explicit}, oauth_token_secret: {name: oauth-token, key: oauth}}}]\n`,
  { 'a.yaml': presubmit(SPEC) },
)

files('jobs under a bare name', { 'a.yaml': presubmit(SPEC).replace('org/repo', 'repo') })
plank('another account', `  default_decoration_config_entries: [{config: {default_service_account_name: builder}}]\n`)

export const CASES: readonly Case[] = all
