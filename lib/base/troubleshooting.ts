/** The section about a finding, by its id. docs/troubleshooting.zh.md has the same anchors. */
export function troubleshootingPage(id: string): string {
  return `docs/troubleshooting.md#${id.toLowerCase()}`
}
