// interop: snapshots of the metadata log: Kafka fills a directory, Odradek lets go of all of the metadata log but its own snapshots, and Kafka
// finds everything again in them.
import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { assert, assertEqual } from '../scenarios/report.ts'
import { checkClient, eventually } from '../scenarios/run.ts'
import { assertSeen, type Bench, check, kafkaLog, ownDirectory, withKafka, withOdradek } from './bench.ts'
import { dumpMetadata } from './dump.ts'
import { kafkaProperties, type Quorum, type Seen } from './probe.ts'

const quorums = ['controller.quorum.voters', 'controller.quorum.bootstrap.servers'] as const

/** So that Kafka takes and lists rules. */
const authorizer = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
}

/** A snapshot after each command, and no byte of the log kept that it holds. */
const eager = [
  'metadata.log.max.record.bytes.between.snapshots=1',
  'metadata.max.retention.bytes=1',
  'internal.metadata.log.segment.bytes=2000',
]

/** Kafka's StorageTool on `directory`/data; its node is a voter by the log itself, or by configuration. */
export async function formatForKafka({ tools }: Bench, directory: string, quorum: Quorum): Promise<void> {
  const file = `${directory}/server.properties`
  const properties = Object.entries(await kafkaProperties(`${directory}/data`, quorum))
  writeFileSync(file, properties.map(([name, value]) => `${name}=${value}\n`).join(''))
  const standalone = quorum === 'controller.quorum.bootstrap.servers' ? ['--standalone'] : []
  const args = ['format', ...standalone, '-t', 'AAAAAAAAAAAAAAAAAAAAAQ', '-c', file]
  const { exit, stderr } = await tools.call('tool', { class: 'kafka.tools.StorageTool', args })
  assertEqual(exit, 0, `exit status of StorageTool (${stderr})`)
}

export async function metadataSnapshots(bench: Bench): Promise<void> {
  // With the voters in the log, a Kafka starts whichever way its quorum is named; without them they must be configured.
  await roundTrip(bench, 'controller.quorum.bootstrap.servers', quorums)
  await roundTrip(bench, 'controller.quorum.voters', ['controller.quorum.voters'])
}

interface Known {
  readonly seen: Seen
  readonly metadata: Record<string, object>
  readonly producerIds: readonly number[]
}

async function roundTrip(bench: Bench, quorum: Quorum, opened: readonly Quorum[]): Promise<void> {
  const { probe, run, tools } = bench
  const directory = ownDirectory(bench, `snapshots-${quorum}`)
  const data = `${directory}/data`
  const look = (bootstrap: string) => probe.call('see', { bootstrap, groups: ['modern'] })
  const producerIds = async (bootstrap: string) => {
    const states = await probe.call('producerStates', { bootstrap, topic: 'shared', partition: 0 })
    return states.map(({ producerId }) => producerId).sort((one, other) => one - other)
  }
  let known: Known | undefined
  await check(bench, `Kafka with ${quorum} fills its metadata`, async () => {
    await formatForKafka(bench, directory, quorum)
    known = await withKafka(bench, directory, { quorum, properties: authorizer }, async (bootstrap) => {
      await probe.call('fillMetadata', { bootstrap })
      const metadata = await probe.call('seeMetadata', { bootstrap })
      return { seen: await look(bootstrap), metadata, producerIds: await producerIds(bootstrap) }
    })
  })
  if (!known) return
  const filled = known
  let served = filled.seen
  await check(bench, `Odradek keeps a snapshot alone of it (${quorum})`, async () => {
    const first = await withOdradek(bench, directory, look, { settings: eager })
    assertSeen(first, filled.seen)
    for (let starts = 0; starts < 2; starts += 1) {
      served = await withOdradek(
        bench,
        directory,
        async (bootstrap) => {
          await probe.call('produce', { bootstrap, topic: 'shared' })
          return look(bootstrap)
        },
        { settings: eager },
      )
    }
    assertSnapshotAlone(`${data}/__cluster_metadata-0`)
  })
  await checkClient(run, tools, 'DumpLogSegments decodes the snapshot, with what Odradek does not serve', () =>
    dumpMetadata(tools, data, [
      '"USER_SCRAM_CREDENTIAL_RECORD"',
      '"ACCESS_CONTROL_ENTRY_RECORD"',
      '"CLIENT_QUOTA_RECORD"',
      '"REGISTER_CONTROLLER_RECORD"',
      '"PRODUCER_IDS_RECORD"',
      'SnapshotHeader',
      'SnapshotFooter',
    ]),
  )
  await check(bench, 'odradek dump-log verifies it', async () => {
    const args = [
      `${bench.place.root}/dist/main.cjs`,
      'dump-log',
      '--verify',
      '--records',
      `${data}/__cluster_metadata-0`,
    ]
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assertEqual(status, 0, `exit status of dump-log (${stdout})`)
  })
  for (const each of opened) {
    await check(bench, `Kafka with ${each} finds all of it again in that snapshot`, async () => {
      const copy = ownDirectory(bench, `snapshots-${quorum}-${each}`)
      cpSync(data, `${copy}/data`, { recursive: true })
      const from = statSync(probe.logFile).size
      await withKafka(bench, copy, { quorum: each, properties: authorizer }, async (bootstrap) => {
        // Coordinators that have not loaded yet list no group.
        const seeMetadata = () => probe.call('seeMetadata', { bootstrap })
        const found = await eventually(
          seeMetadata,
          ({ groups }) => isDeepStrictEqual(groups, filled.metadata.groups),
          'groups',
        )
        for (const [kind, expected] of Object.entries(filled.metadata)) assertEqual(found[kind], expected, kind)
        assertSeen(await look(bootstrap), served)
        await probe.call('produce', { bootstrap, topic: 'shared' })
        const ids = await producerIds(bootstrap)
        // Each producer has its own, and so has the next.
        assertEqual(ids.length, filled.producerIds.length + 3, `producers (${ids})`)
        assert(
          filled.producerIds.every((id) => ids.includes(id)),
          `the producers were ${filled.producerIds}, are ${ids}`,
        )
      })
      const complaints = (await kafkaLog(bench, from))
        .split('\n')
        .filter((line) => /(WARN|ERROR) (org\.apache\.)?kafka\.(log|storage|raft|image|snapshot)\b/.test(line))
      assertEqual(complaints, [], 'what Kafka says of the directory')
    })
  }
}

/** One snapshot, and no segment of before it. */
function assertSnapshotAlone(metadataLog: string): void {
  const names = readdirSync(metadataLog)
  const snapshots = names.filter((name) => /^\d{20}-\d{10}\.checkpoint$/.test(name))
  assertEqual(snapshots.length, 1, `snapshots in ${names}`)
  const segments = names.filter((name) => /^\d{20}\.log$/.test(name)).map((name) => Number(name.slice(0, 20)))
  assert(Math.min(...segments) > 0, `the log still starts at 0: ${names}`)
}
