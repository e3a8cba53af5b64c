// interop: kcat behind the wire: a process per call, a lasting one per group member.
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { bootstrap, digestRecord, fromBase64, newDigest, serve, toBase64 } from '../scenarios/agent.ts'
import { metadataSettings } from '../scenarios/librdkafka.ts'
import type { AgentMethods, Codec, ReadRecord, WireRecord } from '../scenarios/wire.ts'

const running = new Set<ChildProcess>()
const limitMs = 25_000

function start(args: string[], stdin: 'pipe' | 'ignore'): ChildProcess {
  const child = spawn('kcat', ['-b', bootstrap, ...args], { stdio: [stdin, 'pipe', 'pipe'] })
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

/** Runs kcat to its end and answers with its output; fails with what it said on stderr. */
async function kcat(args: string[], input?: Buffer): Promise<Buffer> {
  const child = start(args, input ? 'pipe' : 'ignore')
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  const [output, complaints]: [Buffer[], Buffer[]] = [[], []]
  child.stdout!.on('data', (chunk) => output.push(chunk))
  child.stderr!.on('data', (chunk) => complaints.push(chunk))
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  const status = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'no status'))
  })
  clearTimeout(timer)
  if (status !== 0) throw failure(Buffer.concat(complaints).toString(), status)
  return Buffer.concat(output)
}

/** kcat says errors in words only. */
function failure(complaint: string, status: number | string): Error {
  const message = complaint.trim().split('\n').at(-1) || `kcat ended with ${status}`
  return Object.assign(new Error(message), message.includes('Message size too large') ? { code: 10 } : {})
}

const keyDelimiter = '<-key|'
const recordDelimiter = '<-record|'

/** One kcat run: records that can go through its stdin together. */
type Load = { partition: number; args: string[]; records: WireRecord[] }

function loads(records: WireRecord[]): Load[] {
  const result: Load[] = []
  for (const record of records) {
    const headers = record.headers.flatMap(([name, value]) => [
      '-H',
      value === null ? name : `${name}=${fromBase64(value)}`,
    ])
    // -Z makes every empty key and value of a run null.
    const args = [...headers, ...(record.value === null ? ['-Z'] : [])]
    const last = result.at(-1)
    const joins = last && last.partition === record.partition && last.args.join() === args.join()
    if (joins) last.records.push(record)
    else result.push({ partition: record.partition, args, records: [record] })
  }
  return result
}

async function write(topic: string, codec: Codec, settings: string[], load: Load): Promise<void> {
  const args = ['-P', '-t', topic, '-p', String(load.partition), '-z', codec, ...settings, ...load.args]
  const input = load.records.flatMap(({ key, value }) => [
    ...(key === null ? [] : [fromBase64(key)!, Buffer.from(keyDelimiter)]),
    fromBase64(value) ?? Buffer.alloc(0),
    Buffer.from(recordDelimiter),
  ])
  await kcat([...args, '-K', keyDelimiter, '-D', recordDelimiter], Buffer.concat(input))
}

const format = '%p %o %T %K %S\\n%k%s%h\\x1e\\n'
const newline = 0x0a

function parse(output: Buffer, take: (record: ReadRecord, key: Buffer | null, value: Buffer | null) => void): void {
  for (let at = 0; at < output.length; ) {
    const lineEnd = output.indexOf(newline, at)
    const [partition, offset, timestamp, keyLength, valueLength] = output
      .toString('utf8', at, lineEnd)
      .split(' ')
      .map(Number)
    at = lineEnd + 1
    const bytes = (length: number) => {
      if (length < 0) return null
      at += length
      return output.subarray(at - length, at)
    }
    const [key, value] = [bytes(keyLength!), bytes(valueLength!)]
    const end = output.indexOf('\x1e\n', at)
    const headers = output.toString('utf8', at, end)
    at = end + 2
    take(
      {
        partition: partition!,
        offset: offset!,
        timestamp: timestamp!,
        key: null,
        value: null,
        headers: readHeaders(headers),
      },
      key,
      value,
    )
  }
}

/** `name=value,name=value`, where NULL stands for null: the samples are such that this is no riddle. */
function readHeaders(headers: string): WireRecord['headers'] {
  if (headers === '') return []
  return headers.split(',').map((header): [string, string | null] => {
    const at = header.indexOf('=')
    const value = header.slice(at + 1)
    return [header.slice(0, at), value === 'NULL' ? null : toBase64(value)]
  })
}

const read = (topic: string) =>
  kcat(['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', format, '-X', 'fetch.wait.max.ms=100'])

const groupSettings = (group: string, settings: Record<string, string | number>): string[] => [
  '-G',
  group,
  ...Object.entries({
    'auto.offset.reset': 'earliest',
    'session.timeout.ms': 10_000,
    'heartbeat.interval.ms': 300,
    'fetch.wait.max.ms': 100,
    'auto.commit.interval.ms': 500,
    'reconnect.backoff.max.ms': 1000,
    ...settings,
  }).flatMap(([name, value]) => ['-X', `${name}=${value}`]),
]

type Member = { process: ChildProcess; partitions: Set<number>; received: string[] }
const members = new Map<string, Member>()
const member = (name: string): Member => {
  const found = members.get(name)
  if (!found) throw new Error(`no member ${name}`)
  return found
}

/**
 * `% Group G rebalanced (memberid M): assigned: T [0], T [1]` (or `revoked:`), and with a cooperative assignor
 * `% Group G rebalanced: incremental assignment of 1 partition(s) (...): T [0]` (or `revoke`).
 */
function takeRebalance(joined: Member, line: string): void {
  if (!line.includes(' rebalanced')) return
  for (const [, partition] of line.matchAll(/\[(\d+)\]/g)) {
    if (/assign(ed:|ment of)/.test(line)) joined.partitions.add(Number(partition))
    else joined.partitions.delete(Number(partition))
  }
}

const methods: Partial<AgentMethods> = {
  async produce({ topic, codec, idempotent, records }) {
    const settings = ['-X', `enable.idempotence=${idempotent ?? false}`, '-X', `message.max.bytes=${8 << 20}`]
    settings.push('-X', 'acks=-1', '-X', 'linger.ms=20')
    for (const load of loads(records)) await write(topic, codec, settings, load)
    return null
  },
  async consume({ topic }) {
    const records: ReadRecord[] = []
    parse(await read(topic), (record, key, value) => {
      records.push({ ...record, key: toBase64(key), value: toBase64(value) })
    })
    return records
  },
  async consumeDigest({ topic }) {
    const hash = newDigest()
    let seen = 0
    parse(await read(topic), (_record, key, value) => {
      seen++
      digestRecord(hash, key, value)
    })
    return { count: seen, sha256: hash.digest('hex') }
  },

  async join({ group, topic, assignor, member: name, instanceId, metadataMaxAgeMs }) {
    const settings = {
      'partition.assignment.strategy': assignor,
      ...(instanceId === undefined ? {} : { 'group.instance.id': instanceId }),
      ...metadataSettings(metadataMaxAgeMs),
    }
    const args = [...groupSettings(group, settings), '-u', '-E', '-f', '%p:%s\\n', topic]
    const joined: Member = { process: start(args, 'ignore'), partitions: new Set(), received: [] }
    createInterface({ input: joined.process.stdout! }).on('line', (line) => joined.received.push(line))
    createInterface({ input: joined.process.stderr! }).on('line', (line) => {
      console.error(name, line)
      takeRebalance(joined, line)
    })
    members.set(name, joined)
    return null
  },
  assignment: async ({ member: name }) => [...member(name).partitions].sort((a, b) => a - b),
  received: async ({ member: name }) => member(name).received,
  async leave({ member: name }) {
    const { process } = member(name)
    members.delete(name)
    if (process.exitCode === null) {
      const closed = new Promise((resolve) => process.once('close', resolve))
      process.kill('SIGTERM')
      await closed
    }
    return null
  },
  async consumeInGroup({ group, topic, count }) {
    const settings = groupSettings(group, { 'enable.auto.commit': 'true' })
    const output = await kcat([...settings, '-q', '-c', String(count), '-f', '%s\\n', topic])
    return output.toString().trim().split('\n')
  },

  async listTopics() {
    const { topics } = JSON.parse(String(await kcat(['-L', '-J']))) as { topics: { topic: string }[] }
    return topics.map(({ topic }) => topic)
  },
  async partitionCount({ topic }) {
    type Listed = { topics: { partitions: unknown[] }[] }
    const { topics } = JSON.parse(String(await kcat(['-L', '-J', '-t', topic]))) as Listed
    return topics[0]?.partitions.length ?? 0
  },
  async describeCluster() {
    type Listed = { brokers: { name: string }[]; controllerid: number }
    const { brokers, controllerid } = JSON.parse(String(await kcat(['-L', '-J']))) as Listed
    return { brokers: brokers.length, controller: controllerid, port: Number(brokers[0]?.name.split(':').at(-1)) }
  },
  async offsetsByTime({ topic, partitions, timestamp }) {
    const wanted = Array.from({ length: partitions }, (_, partition) => ['-t', `${topic}:${partition}:${timestamp}`])
    // Lines of `topic [partition] offset N`.
    const found = String(await kcat(['-Q', ...wanted.flat()])).matchAll(/\[(\d+)\] offset (-?\d+)/g)
    return [...found].sort((a, b) => Number(a[1]) - Number(b[1])).map(([, , offset]) => Number(offset))
  },
}

serve(methods, () => {
  for (const process of running) process.kill('SIGKILL')
})
