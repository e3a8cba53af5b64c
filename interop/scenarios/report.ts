// interop: one line a check, and the count at the end.

export class Report {
  passed = 0
  failed = 0
  readonly #width: number

  constructor(width = 1000) {
    this.#width = width
  }

  /** Runs one check; a thrown error is its failure. Never throws; says whether it passed. */
  async check(client: string, behaviour: string, run: () => Promise<void>): Promise<boolean> {
    try {
      await run()
      this.passed++
      console.log(`ok ${client}: ${behaviour}`)
      return true
    } catch (error) {
      this.fail(client, behaviour, error instanceof Error ? error.message : String(error))
      return false
    }
  }

  fail(client: string, behaviour: string, reason: string): void {
    this.failed++
    console.log(`FAIL ${client}: ${behaviour}: ${reason.replace(/\s+/g, ' ').slice(0, this.#width)}`)
  }

  /** A client that this machine lacks something for; with CI=true that is a failure. */
  skip(client: string, reason: string, isCi: boolean): void {
    if (isCi) this.fail(client, 'runs', `skipped, which CI=true forbids: ${reason}`)
    else console.log(`skip ${client}: ${reason}`)
  }

  summary(): string {
    return `${this.passed} passed, ${this.failed} failed`
  }
}

/** Compares as JSON, whatever the order of keys. */
export function assertEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, e] = [JSON.stringify(actual, sortKeys), JSON.stringify(expected, sortKeys)]
  if (a !== e) throw new Error(`${what}: expected ${shorten(e)}, got ${shorten(a)}`)
}

export function assert(condition: boolean, message: string): void {
  if (!condition) throw new Error(message)
}

const shorten = (text: string | undefined) =>
  text === undefined ? 'nothing' : text.length > 240 ? `${text.slice(0, 240)}… (${text.length} characters)` : text

const sortKeys = (_key: string, value: unknown) =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value
