// interop: the agent side of the wire for clients that run in Node. An agent is one process per client, because two of them
// bring a librdkafka each and a process can load only one; a crash in native code then costs one client, not the run.
import { createHash, type Hash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import type { AgentError, AgentMethods, MethodName } from './wire.ts'

export const bootstrap = process.argv[2] ?? 'localhost:9092'
/** What the client is configured with besides, in its own words (scenarios/secure.ts). */
export const settings: Record<string, unknown> = JSON.parse(process.env.INTEROP_SETTINGS ?? '{}')

/** The packages installed by run.sh, which lie in the cache and not above this file. */
export function requireInstalled(name: string): unknown {
  return createRequire(`${process.env.INTEROP_MODULES}/package.json`)(name)
}

/** Serves calls until stdin ends, concurrently; stdout is the wire's alone, so whatever a client prints goes to stderr. */
export function serve(methods: Partial<AgentMethods>, close: () => Promise<void> | void = () => {}): void {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write
  const answer = (line: object) => write(`${JSON.stringify(line)}\n`)
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    const { id, method, request } = JSON.parse(line) as { id: number; method: MethodName; request: never }
    const run = methods[method] as ((request: never) => Promise<unknown>) | undefined
    Promise.resolve()
      .then(() => (run ? run(request) : Promise.reject(new Error(`no method ${method}`))))
      .then(
        (result) => answer({ id, result }),
        (error) => answer({ id, error: agentError(error) }),
      )
  })
  lines.on('close', () => {
    // A client that does not come down must not outlive the run.
    setTimeout(() => process.exit(0), 3000)
    Promise.resolve(close()).then(
      () => process.exit(0),
      () => process.exit(0),
    )
  })
  process.on('unhandledRejection', (error) => console.error('unhandled', error))
  answer({ ready: Object.keys(methods) })
}

function agentError(error: unknown): AgentError {
  if (!(error instanceof Error) && typeof error !== 'object') return { message: String(error) }
  type AnyClientsError = { message?: string; code?: unknown; errors?: unknown[]; cause?: unknown }
  const { message, code, errors, cause } = error as AnyClientsError
  if (Array.isArray(errors) && errors.length > 0) return agentError(errors[0])
  if (typeof code !== 'number' && cause instanceof Error) return agentError(cause)
  return { message: message ?? String(error), ...(typeof code === 'number' ? { code } : {}) }
}

/** Adds a record to a digest: int32 length (-1 for null) and bytes, of key, then of value. */
export function digestRecord(hash: Hash, key: Buffer | null | undefined, value: Buffer | null | undefined): void {
  for (const bytes of [key, value]) {
    const length = Buffer.alloc(4)
    length.writeInt32BE(bytes ? bytes.length : -1)
    hash.update(length)
    if (bytes) hash.update(bytes)
  }
}

export const newDigest = (): Hash => createHash('sha256')

export const toBase64 = (bytes: Buffer | string | null | undefined): string | null =>
  bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString('base64')

export const fromBase64 = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text, 'base64'))

/** What a member was handed, also in its journal if it has one. */
export class Received {
  readonly lines: string[] = []
  readonly #journal: string | undefined

  constructor(journal: string | undefined) {
    this.#journal = journal
  }

  add(partition: number, value: unknown): void {
    const line = `${partition}:${value}`
    this.lines.push(line)
    if (this.#journal !== undefined) appendFileSync(this.#journal, `${Date.now()} ${line}\n`)
  }
}

/** Waits until `done()` holds, for as long as `limitMs`; says whether it did. */
export async function until(done: () => boolean, limitMs: number): Promise<boolean> {
  const end = Date.now() + limitMs
  while (!done()) {
    if (Date.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return true
}
