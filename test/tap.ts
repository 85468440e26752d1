/** Reads TAP line by line and counts its tests. A program that crashed or ran fewer tests than planned has failed ones. */
export class Tap {
  passed = 0
  failed = 0
  /** The lines about each failure. */
  readonly failures: string[][] = []
  readonly #show: (line: string) => void
  readonly #stderr: string[] = []
  #planned = 0
  #about: string[] = []

  constructor(show: (line: string) => void) {
    this.#show = show
  }

  /** One line of its stdout. */
  line(line: string): void {
    const plan = /^1\.\.(\d+)/.exec(line)
    if (plan) {
      this.#planned = Number(plan[1])
      return
    }
    const test = /^(not ok|ok) \d+ (.*)$/.exec(line)
    if (!test) {
      if (line.startsWith('## ')) this.#show(line.slice(3))
      else if (line.startsWith('#')) this.#about.push(`    ${line.slice(1)}`)
      return
    }
    const [, word, name] = test
    this.#about = []
    if (word === 'ok') {
      this.passed++
      this.#show(`✔ ${name}`)
      return
    }
    this.#fail(`✖ ${name}`)
    this.#about = this.failures.at(-1)!
  }

  /** One line of its stderr. */
  stderr(line: string): void {
    this.#stderr.push(`    ${line}`)
  }

  /** It ended with this exit code. */
  end(code: number): void {
    const missing = Math.max(0, this.#planned - this.passed - this.failed)
    if (missing === 0 && (code === 0 || this.failed > 0)) return
    this.#fail(`✖ ended with exit code ${code}${missing > 0 ? `; tests that were not run: ${missing}` : ''}`)
    this.failed += Math.max(0, missing - 1)
    this.failures.at(-1)!.push(...this.#stderr.slice(-20))
  }

  #fail(line: string): void {
    this.failed++
    this.#show(line)
    this.failures.push([line])
  }
}
