/** The section about a finding, by its id. docs/troubleshooting.zh.md has the same anchors. */
export function troubleshootingPage(id: string): string {
  return `docs/troubleshooting.md#${id.toLowerCase()}`
}

/** The id of a finding with its page, which ends the finding in the output. */
export function idAndPage(id: string): string {
  return `${id}  ${troubleshootingPage(id)}`
}
