// interop: what the checks of data directories share: the two brokers on a directory, and comparing what was seen.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { type OdradekOptions, startOdradek } from '../scenarios/broker.ts'
import type { Client, Installed } from '../scenarios/client.ts'
import { assert, assertEqual } from '../scenarios/report.ts'
import { eventually, type Run } from '../scenarios/run.ts'
import type { Probe, Quorum, Seen } from './probe.ts'

/** Where things are, and who ends what is running when the run is interrupted. */
export type Place = { root: string; directory: string; installed: Installed; running: { kill(): void }[] }

export type Bench = { run: Run; tools: Client; probe: Probe; place: Place }

export const check = ({ run }: Bench, behaviour: string, test: () => Promise<void>) =>
  run.report.check('directories', behaviour, test)

export const ownDirectory = ({ place }: Bench, name: string) => {
  const directory = `${place.directory}/directories/${name}`
  mkdirSync(directory, { recursive: true })
  return directory
}

/** Odradek on `directory`/data while `use` runs; it must stop cleanly and log no error. */
export async function withOdradek<T>(
  { place }: Bench,
  directory: string,
  use: (bootstrap: string) => Promise<T>,
  options: OdradekOptions = {},
): Promise<T> {
  rmSync(`${directory}/broker.log`, { force: true })
  let death: string | undefined
  const onDeath = (reason: string) => {
    death = reason
  }
  const broker = await startOdradek(place.root, directory, onDeath, options)
  place.running.push(broker)
  try {
    return await use(broker.bootstrap)
  } finally {
    await broker.stop()
    assert(death === undefined, `Odradek is gone: ${death}`)
    assertEqual(broker.errors!(), [], 'errors that it logged')
  }
}

/** What Kafka has said of the logs since `from`, which is a position in the file; complete once it has closed them. */
export async function kafkaLog({ probe }: Bench, from: number): Promise<string> {
  const read = async () => readFileSync(probe.logFile).subarray(from).toString()
  return eventually(read, (said) => said.includes('LogManager - Shutdown complete.'), "Kafka's log")
}

/** Apache Kafka on `directory`/data while `use` runs. */
export async function withKafka<T>(
  { probe }: Bench,
  directory: string,
  { quorum, properties }: { quorum: Quorum; properties?: Record<string, string> },
  use: (bootstrap: string) => Promise<T>,
): Promise<T> {
  try {
    return await use(await probe.startKafka(`${directory}/data`, quorum, properties))
  } finally {
    await probe.stopKafka()
  }
}

/** What clients' own topics are seen to be; internal ones are compared where they must be equal. */
export function userTopics(seen: Seen): Seen {
  const own = <T>(all: Record<string, T>) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !name.startsWith('__')))
  return { partitions: own(seen.partitions), configs: own(seen.configs), groups: seen.groups }
}

/** One by one, so that a difference names its partition, topic or group. */
export function assertSeen(actual: Seen, expected: { [K in keyof Seen]: Record<string, object> }): void {
  for (const kind of ['partitions', 'configs', 'groups'] as const) {
    assertEqual(Object.keys(actual[kind]).sort(), Object.keys(expected[kind]).sort(), kind)
    for (const [name, one] of Object.entries(expected[kind])) {
      const found = actual[kind][name] as Record<string, unknown>
      // The fixture's JSON does not know all that the probe tells of a partition.
      const compared =
        kind === 'partitions' ? Object.fromEntries(Object.keys(one).map((key) => [key, found[key]])) : found
      assertEqual(compared, one, `${kind}: ${name}`)
    }
  }
}
