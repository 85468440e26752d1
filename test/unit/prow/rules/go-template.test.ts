import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTemplate } from '../../../../lib/prow/rules/go-template.ts'
import { urlError } from '../../../../lib/prow/rules/go-url.ts'

test('templates that text/template parses', () => {
  for (const text of [
    'no action } {',
    '{{.Spec.Job}}',
    '{{- .Spec.Job -}}',
    '{{/* a comment */}}',
    '{{with index .Spec.Refs.Pulls 0}}{{.Number}}{{end}}',
    '{{range $i, $p := .Spec.Refs.Pulls}}{{$i}}{{$p.Number}}{{else}}none{{end}}',
    '{{if and (eq .Spec.Type "batch") .Spec.Refs}}a{{else if .Spec.Job}}b{{else}}c{{end}}',
    '{{printf "%q" .Spec.Job | urlquery}}',
    '{{define "a"}}x{{end}}{{template "a" .}}',
  ])
    assert.equal(parseTemplate(text).error, undefined, text)
  assert.equal(parseTemplate('{{replace "a" "b" .Spec.Job}}', ['replace']).error, undefined)
})

test('what is wrong with a template', () => {
  for (const [text, error] of [
    ['{{.Spec.Job', 'has "{{.Spec.Job", which does not end with }}'],
    ['{{.Spec.Job}', 'has "{{.Spec.Job}" with the character "}", which is not allowed there'],
    ['{{Spec.Job}}', 'has {{Spec.Job}} with Spec, which is not a function'],
    ['{{Job}}', 'has {{Job}} with Job, which is not a function; a field begins with a dot: .Job'],
    ['{{if .Spec.Refs}}x', 'has {{if}} without {{end}}'],
    ['x{{end}}', 'has an {{end}} too many'],
    ['{{else}}', 'has an {{else}} outside of {{if}}'],
    ['{{if .A}}{{else}}{{else}}{{end}}', 'has two {{else}} in one {{if}}'],
    ['{{if}}x{{end}}', 'has {{if}} without a value'],
    ['{{}}', 'has the empty action {{}}'],
    ['{{$x}}', 'has {{$x}} with the variable $x, which is not defined'],
    ['{{len (.A}}', 'has {{len (.A}} with a ( that is not closed'],
    ['{{print "a}}', 'has "{{print "a}}" with a string that does not end'],
    ['{{break}}', 'has {{break}} outside of {{range}}'],
  ] as const)
    assert.equal(parseTemplate(text).error, error)
})

test('URLs as url.Parse takes them', () => {
  for (const url of [
    'https://a.b/c?d=%zz#e',
    'a/b',
    '/a:b',
    'mailto:a b',
    'https://[::1]:80/',
    'https://a:80',
    'http://u:p@a/',
    '',
  ])
    assert.equal(urlError(url), undefined, url)
  for (const [url, error] of [
    ['ht tp://a/', 'has a colon before its first slash and does not begin with a scheme such as https://'],
    ['1a:443/c', 'has a colon before its first slash and does not begin with a scheme such as https://'],
    ['://a', 'has no scheme before the colon'],
    ['https://a:x/', 'has the invalid port x'],
    ['https://a b/', 'has a space in its host name'],
    ['https://{a}/', 'has { in its host name'],
    ['https://a/%zz', 'contains %zz, which is not a valid escape'],
    ['https://a/\n', 'contains a control character'],
  ] as const)
    assert.equal(urlError(url), error)
})
