// interop: Kafka's own DumpLogSegments over a data directory that Odradek left: all that it can verify, and no complaint.
import { existsSync, readdirSync } from 'node:fs'
import type { Client } from '../scenarios/client.ts'
import { assert, assertEqual } from '../scenarios/report.ts'
import { checkClient, type Run } from '../scenarios/run.ts'

const dumpLogSegments = 'org.apache.kafka.tools.DumpLogSegments'

/** Everything that the tool, or what it calls, says of a file that it does not like. */
const complaint =
  /mismatch| is followed by |out of order|isvalid: false|invalid|corrupt|error|could not|couldn't|not supported|exception|skipping/i

/** What it says of every segment but a partition's first, Kafka's own too: it counts from -1 in each. */
const innocent = /^\s*-1 is followed by \d+$/

/** Files of the directory with this ending, in folders whose name starts so; paths. */
function filesOf(dataDirectory: string, folder: string, ending: string): string[] {
  const folders = readdirSync(dataDirectory, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && entry.name.startsWith(folder),
  )
  const files = folders.flatMap(({ name }) => readdirSync(`${dataDirectory}/${name}`).map((file) => `${name}/${file}`))
  return files
    .filter((file) => file.endsWith(ending))
    .map((file) => `${dataDirectory}/${file}`)
    .sort()
}

/** What the tool says of the files; it must have no complaint. */
async function dumpOf(client: Client, files: string[], ...options: string[]): Promise<string> {
  assert(files.length > 0, 'there is no such file')
  const args = ['--files', files.join(','), ...options]
  const { exit, stdout, stderr } = await client.call('tool', { class: dumpLogSegments, args })
  const said = `${stdout}\n${stderr}`
  const line = said.split('\n').find((one) => complaint.test(one) && !innocent.test(one))
  assert(exit === 0, `it ended with ${exit}: ${stderr}`)
  assert(line === undefined, `it complains: ${line?.slice(0, 300)}`)
  for (const file of files) assert(stdout.includes(file), `it says nothing of ${file}`)
  return stdout
}

/** The metadata log and its snapshots, decoded, have each of `wanted`. */
export async function dumpMetadata(client: Client, dataDirectory: string, wanted: readonly string[]): Promise<void> {
  const files = ['.log', '.checkpoint'].flatMap((ending) => filesOf(dataDirectory, '__cluster_metadata-0', ending))
  const bootstrap = `${dataDirectory}/bootstrap.checkpoint`
  if (existsSync(bootstrap)) files.push(bootstrap)
  const output = await dumpOf(client, files, '--cluster-metadata-decoder')
  for (const each of wanted) assert(output.includes(each), `no ${each} in what it decoded`)
}

/** The log of the transaction coordinator, decoded, has each of `wanted`. */
export async function dumpTransactions(
  client: Client,
  dataDirectory: string,
  wanted: readonly string[],
): Promise<void> {
  const files = filesOf(dataDirectory, '__transaction_state-', '.log')
  const output = await dumpOf(client, files, '--transaction-log-decoder')
  for (const each of wanted) assert(output.includes(each), `no ${each} in what it decoded: ${output.slice(0, 2000)}`)
}

/** The checks of one directory that is not in use. */
export async function dumpChecks(run: Run, client: Client, dataDirectory: string): Promise<void> {
  const dump = (files: string[], ...options: string[]) => dumpOf(client, files, ...options)
  const check = (what: string, test: () => Promise<void>) => checkClient(run, client, `DumpLogSegments ${what}`, test)

  await check('reads every log, batch by batch and record by record', async () => {
    const output = await dump(filesOf(dataDirectory, '', '.log'), '--deep-iteration')
    assert(output.includes('isvalid: true'), 'it verified no batch')
    const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'].filter(
      (codec) => !output.includes(`compresscodec: ${codec}`),
    )
    assert(codecs.length === 0, `it met no batch of ${codecs}`)
  })
  await check('prints the records of every codec', async () => {
    const output = await dump(filesOf(dataDirectory, 'codecs-', '.log'), '--print-data-log')
    const records = output.split('\n').filter((line) => line.startsWith('| offset: '))
    assertEqual(records.length, 200, 'records')
    assert(
      records.some((line) => line.includes('payload: value 39 ')),
      'it printed no value',
    )
  })
  await check('passes the offset indexes, and verifies them against their logs', async () => {
    const files = filesOf(dataDirectory, '', '.index')
    const output = await dump(files, '--index-sanity-check')
    assertEqual(output.match(/ (passed sanity check|is empty)\.$/gm)?.length, files.length, 'indexes that passed')
    assert(output.includes('passed sanity check'), 'all are empty')
    await dump(files, '--verify-index-only')
  })
  await check('passes the time indexes, and verifies them against their logs', async () => {
    const files = filesOf(dataDirectory, '', '.timeindex')
    const output = await dump(files, '--index-sanity-check')
    assertEqual(output.match(/ (passed sanity check|is empty)\.$/gm)?.length, files.length, 'indexes that passed')
    assert(output.includes('passed sanity check'), 'all are empty')
    await dump(files, '--verify-index-only')
  })
  await check('reads the producer snapshots', async () => {
    const output = await dump(filesOf(dataDirectory, 'idempotent-0', '.snapshot'))
    assert((output.match(/producerId: /g)?.length ?? 0) >= 2, `no two producers in: ${output.slice(0, 300)}`)
  })
  await check('decodes the offsets topic', async () => {
    const output = await dump(filesOf(dataDirectory, '__consumer_offsets-', '.log'), '--offsets-decoder')
    for (const wanted of ['"group":"members"', '"metadata":"by admin"', '"type":"2"']) {
      assert(output.includes(wanted), `no ${wanted} in what it decoded`)
    }
  })
  await check('decodes the metadata log and its snapshots', () =>
    dumpMetadata(client, dataDirectory, [
      'LeaderChange',
      'KRaftVoters',
      '"TOPIC_RECORD"',
      '"REMOVE_TOPIC_RECORD"',
      '"CONFIG_RECORD"',
    ]),
  )
}
