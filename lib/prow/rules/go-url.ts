/** What Go's url.Parse refuses about a text, as the rest of a sentence; undefined when it accepts it. */
export function urlError(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what Go refuses.
  if (/[\x00-\x1f\x7f]/.test(text)) return 'contains a control character'
  const [beforeFragment = '', fragment = ''] = splitOnce(text, '#')
  if (badEscape(fragment)) return `contains ${badEscape(fragment)}, which is not a valid escape`
  if (beforeFragment.startsWith(':')) return 'has no scheme before the colon'
  const [, scheme, afterScheme = beforeFragment] = /^([a-zA-Z][a-zA-Z0-9+.-]*):(.*)$/s.exec(beforeFragment) ?? []
  const [rest = ''] = splitOnce(afterScheme, '?')
  if (scheme === undefined && !rest.startsWith('/') && rest.split('/')[0]!.includes(':'))
    return 'has a colon before its first slash and does not begin with a scheme such as https://'
  // Anything but a path after the scheme is opaque to Go.
  if (scheme !== undefined && !rest.startsWith('/')) return undefined
  let path = rest
  if (rest.startsWith('//') && (scheme !== undefined || !rest.startsWith('///'))) {
    const [authority = '', more] = splitOnce(rest.slice(2), '/')
    path = more === undefined ? '' : `/${more}`
    const host = authority.slice(authority.lastIndexOf('@') + 1)
    const port = /^(?:\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(host)?.[1]
    if (port !== undefined && !/^\d*$/.test(port)) return `has the invalid port ${port}`
    const invalid = /[^\w.~!$&'()*+,;=:[\]<>"%\u0080-\uffff-]/.exec(host)?.[0]
    if (invalid) return `has ${invalid === ' ' ? 'a space' : invalid} in its host name`
  }
  const invalidEscape = badEscape(path)
  return invalidEscape ? `contains ${invalidEscape}, which is not a valid escape` : undefined
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function badEscape(text: string): string | undefined {
  return /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(text)?.[0]
}
