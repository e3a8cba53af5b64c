import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { describe, expect, it, onTestFinished } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { temporaryDirectory } from './broker/temporary-directory.ts'

const root = dirname(import.meta.dirname)

interface Run {
  readonly child: ChildProcess
  /** All that it printed so far. */
  output(): string
  errors(): string
  /** Its first line. */
  readonly ready: Promise<string>
  readonly exit: Promise<number | null>
}

function odradek(args: readonly string[], environment: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'src/main.ts'), ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let errors = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const exit = once(child, 'close').then(([code]) => code as number | null)
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text
      const line = /^.* is ready at .*$/m.exec(output)
      if (line !== null) resolve(line[0])
    })
    exit.then((code) => reject(new Error(`exited with ${code}: ${errors}`)))
  })
  ready.catch(() => {})
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return { child, output: () => output, errors: () => errors, ready, exit }
}

/** Resolves when somebody takes connections on `port`: tried until then, as nothing else tells. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await delay(20)
    } finally {
      socket.destroy()
    }
  }
}

const serversIn = (line: string): string => /ready at (\S+?),/.exec(line)![1]!

function kafka(servers: string): Kafka {
  return new Kafka({ brokers: [servers], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20, retries: 10 } })
}

describe('the command', () => {
  it('prints one line when it is ready: address, data directory, time', async () => {
    const directory = await temporaryDirectory()
    const { ready, output } = odradek(['--port', '0', '--data-dir', directory])
    expect(await ready).toMatch(/^Odradek \S+ is ready at localhost:\d+, data in \S+ \(\d+ ms\)$/)
    expect(output().trim().split('\n')).toHaveLength(1)
    expect(await ready).toContain(directory)
  })

  it('starts several brokers with --brokers, and says what they are for', async () => {
    const { ready, output } = odradek(['--port', '0', '--memory', '--brokers', '3'])
    const servers = /ready at (\S+), in memory/.exec(await ready)![1]!.split(',')
    expect(servers).toHaveLength(3)
    expect(output()).toContain('3 brokers run in one process')
    const admin = kafka(servers[2]!).admin()
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    expect(brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]).sort()).toEqual(
      servers.map((server, index) => [index + 1, server]),
    )
    await admin.disconnect()
    const refused = odradek(['--memory', '--brokers', '0'])
    expect(await refused.exit).toBe(1)
    expect(refused.errors()).toBe('odradek: A process runs 1 to 100 brokers, not 0.\n')
  })

  it('stops in less than a second on SIGTERM, with exit code 0', async () => {
    const { ready, child, exit, errors } = odradek(['--port', '0', '--memory'])
    await ready
    const startedMs = performance.now()
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(1000)
    expect(errors()).toBe('')
  })

  it('ends with one readable line and exit code 1 when its disk fails', async () => {
    const directory = await temporaryDirectory()
    // Every fsync fails once that file is there.
    const script = `import fs from 'node:fs'
      const { fdatasync, existsSync } = fs
      fs.fdatasync = (descriptor, done) => existsSync(process.env.BROKEN)
        ? done(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }))
        : fdatasync(descriptor, done)`
    const run = odradek(['--port', '0', '--data-dir', directory, '--log-level', 'silent'], {
      BROKEN: join(directory, 'broken'),
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`,
    })
    const admin = kafka(serversIn(await run.ready)).admin()
    await admin.connect()
    await writeFile(join(directory, 'broken'), '')
    await admin.createTopics({ topics: [{ topic: 'topic' }] }).catch(() => {})
    expect(await run.exit).toBe(1)
    expect(run.errors()).toMatch(/^odradek: .*: EIO: i\/o error, fdatasync\n$/)
    await admin.disconnect()
  })

  it('serves and stops as ever when nobody reads what it prints', async () => {
    const reserved = createServer().listen(0, '127.0.0.1')
    await once(reserved, 'listening')
    const port = String((reserved.address() as AddressInfo).port)
    await new Promise((resolve) => reserved.close(resolve))
    const { child, exit, errors } = odradek(['--port', port, '--memory'])
    child.stdout!.destroy()
    await listening(Number(port))
    const admin = kafka(`127.0.0.1:${port}`).admin()
    await admin.connect()
    await admin.listTopics()
    await admin.disconnect()
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
    expect(errors()).toBe('')
  })

  it('has everything that was acknowledged after kill -9', async () => {
    const directory = await temporaryDirectory()
    const first = odradek(['--port', '0', '--data-dir', directory])
    const producer = kafka(serversIn(await first.ready)).producer()
    await producer.connect()
    for (let value = 0; value < 20; value += 1) {
      await producer.send({ topic: 'kept', messages: [{ value: String(value) }] })
    }
    first.child.kill('SIGKILL')
    await first.exit
    await producer.disconnect()
    const again = odradek(['--port', '0', '--data-dir', directory])
    const admin = kafka(serversIn(await again.ready)).admin()
    await admin.connect()
    expect(await admin.fetchTopicOffsets('kept')).toMatchObject([{ low: '0', high: '20' }])
    await admin.disconnect()
  })

  it('sets log.flush.interval.messages with --fsync', async () => {
    const directory = await temporaryDirectory()
    const { ready } = odradek(['--port', '0', '--data-dir', directory, '--fsync'])
    const client = kafka(serversIn(await ready))
    const admin = client.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 'synced' }] })
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: 'synced', configNames: ['flush.messages'] }],
    })
    expect(resources[0]!.configEntries.map(({ configValue }) => configValue)).toEqual(['1'])
    await admin.disconnect()
    const producer = client.producer()
    await producer.connect()
    await producer.send({ topic: 'synced', messages: [{ value: 'kept' }] })
    await producer.disconnect()
  })

  it('reads a properties file, KAFKA_* variables and --set, the later over the earlier', async () => {
    const directory = await temporaryDirectory()
    const file = join(directory, 'server.properties')
    await writeFile(
      file,
      `log.dirs=${directory}/data\nnum.partitions=2\nnot.a.key=1\nlisteners=PLAINTEXT://localhost:0\n`,
    )
    const { ready, errors, output } = odradek(['--config', file, '--set', 'num.partitions=5'], {
      KAFKA_NUM_PARTITIONS: '3',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'true',
      KAFKA_HEAP_OPTS: '-Xmx1G',
    })
    const admin = kafka(serversIn(await ready)).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 'five' }] })
    expect((await admin.fetchTopicMetadata({ topics: ['five'] })).topics[0]!.partitions).toHaveLength(5)
    await admin.disconnect()
    expect(`${output()}${errors()}`).toContain('Unknown configuration not.a.key')
    expect(`${output()}${errors()}`).not.toContain('HEAP')
  })

  it('says its version and its flags', async () => {
    const version = odradek(['--version'])
    const help = odradek(['start', '--help'])
    expect([await version.exit, await help.exit]).toEqual([0, 0])
    expect(version.output()).toBe(`${packageJson.version}\n`)
    for (const flag of [
      '--port',
      '--host',
      '--data-dir',
      '--memory',
      '--fsync',
      '--config',
      '--set',
      '--metrics-port',
      '--log-level',
    ]) {
      expect(help.output()).toContain(flag)
    }
  })

  it('dumps a log without starting a broker', async () => {
    const missing = odradek(['dump-log', '/nowhere'])
    const help = odradek(['dump-log', '--help'])
    expect([await missing.exit, await help.exit]).toEqual([1, 0])
    expect(missing.errors()).toMatch(/^odradek: ENOENT.*\/nowhere'\n$/)
    expect(help.output()).toContain('odradek dump-log FILE|DIR')
  })

  it.each([
    [['--prot', '1'], /unknown option/i],
    [['serve'], /unknown command: serve/],
    [['--port', '70000'], /0 to 65535/],
    [['--set', 'num.partitions'], /KEY=VALUE/],
    [['--set', 'num.partition=3'], /num\.partitions/],
    [['--set', 'num.partitions=many'], /num\.partitions/],
    [['--log-level', 'loud'], /debug, info, warn/],
    [['--metrics-port', 'x'], /--metrics-port takes a number from 0 to 65535/],
    [['--config', '/nowhere/server.properties'], /\/nowhere\/server\.properties/],
    [['--memory', '--data-dir', 'x'], /--memory/],
    [['--memory', '--fsync'], /--fsync/],
    [['--memory', '--set', 'process.roles=controller'], /process\.roles/],
  ] as const)('answers %j with one readable line and exit code 1', async (args, reason) => {
    const run = odradek(['--port', '0', ...args])
    expect(await run.exit).toBe(1)
    expect(run.errors()).toMatch(reason)
    expect(run.errors().trim().split('\n')).toHaveLength(1)
    expect(run.output()).toBe('')
  })
})
