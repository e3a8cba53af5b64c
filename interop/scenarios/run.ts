// interop: what every scenario is given, and the small helpers that they share.
import type { Broker } from './broker.ts'
import { AgentFailure, type Client } from './client.ts'
import { assertEqual, type Report } from './report.ts'

export type Run = {
  broker: Broker
  /** The clients under test. */
  clients: readonly Client[]
  /** Makes topics and the like for scenarios that are about something else. */
  hands: Client
  report: Report
  /** Starts every topic's and group's name, so that a run against somebody's broker meets only its own. */
  prefix: string
}

export const checkClient = (run: Run, client: Client, behaviour: string, test: () => Promise<void>): Promise<boolean> =>
  run.report.check(client.name, behaviour, test)

/** Polls until `probe` gives what is expected, errors being answers too; fails with the last of either. */
export async function eventually<T>(
  probe: () => Promise<T>,
  expected: (value: T) => boolean,
  what: string,
  limitMs = 30_000,
) {
  const end = Date.now() + limitMs
  for (;;) {
    let last: string
    try {
      const value = await probe()
      if (expected(value)) return value
      last = JSON.stringify(value)
    } catch (error) {
      last = (error as Error).message
    }
    if (Date.now() > end) throw new Error(`${what}: still ${last} after ${limitMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export async function expectCode(code: number, what: string, call: Promise<unknown>): Promise<void> {
  const error = await call.then(
    () => undefined,
    (error) => error as Error,
  )
  if (!error) throw new Error(`${what}: expected error ${code}, but it succeeded`)
  if (!(error instanceof AgentFailure)) throw error
  assertEqual(error.code ?? error.message, code, `${what}: error (${error.message})`)
}

export const text = (value: string) => Buffer.from(value).toString('base64')

/** Every client at once; each one's own checks in their order. What breaks one client's scenario leaves the others alone. */
export async function eachClient(run: Run, scenario: (client: Client) => Promise<void>): Promise<void> {
  const one = (client: Client) =>
    scenario(client).catch((error) =>
      run.report.fail(client.name, 'goes through the scenario', (error as Error).message),
    )
  await Promise.all(run.clients.map(one))
}
