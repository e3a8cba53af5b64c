import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  BindError,
  type FrameConnection,
  type FrameReceiver,
  Listener,
  type ListenerSettings,
  maxUnsentBytes,
} from '../../src/network/index.ts'
import { realClock, SimulatedClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { framed, RawClient, until } from './raw-client.ts'

const listeners: Listener[] = []
const clients: RawClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await Promise.all(listeners.splice(0).map((listener) => listener.close()))
})

async function open(settings: Partial<ListenerSettings> = {}): Promise<Listener> {
  const listener = await Listener.open({
    name: 'PLAINTEXT',
    bindAddresses: ['127.0.0.1'],
    port: 0,
    maxRequestBytes: 1_000_000,
    maxIdleMs: 600_000,
    clock: realClock,
    logger: silentLogger,
    ...settings,
  })
  listeners.push(listener)
  return listener
}

async function connect(listener: Listener, host?: string): Promise<RawClient> {
  const client = await RawClient.connect(listener.port, host)
  clients.push(client)
  return client
}

/** Keeps what happens on a connection, and does `receive` with each frame. */
class Recorder implements FrameReceiver {
  readonly connection: FrameConnection
  readonly frames: Buffer[] = []
  closings = 0
  readonly #receive: (frame: Buffer, connection: FrameConnection) => void

  constructor(connection: FrameConnection, receive: (frame: Buffer, connection: FrameConnection) => void) {
    this.connection = connection
    this.#receive = receive
  }

  receive(frame: Buffer): void {
    this.frames.push(frame)
    this.#receive(frame, this.connection)
  }

  closed(): void {
    this.closings += 1
  }
}

function record(
  listener: Listener,
  receive: (frame: Buffer, connection: FrameConnection) => void = () => {},
): Recorder[] {
  const recorders: Recorder[] = []
  listener.start((connection) => {
    const recorder = new Recorder(connection, receive)
    recorders.push(recorder)
    return recorder
  })
  return recorders
}

const echo = (frame: Buffer, connection: FrameConnection): void => connection.send([framed(frame)])

interface LogLine {
  readonly fields: object
  readonly message: string
}

function collectingLogger(): { lines: LogLine[]; logger: ListenerSettings['logger'] } {
  const lines: LogLine[] = []
  const keep = (fields: object, message: string): void => void lines.push({ fields, message })
  return { lines, logger: { debug: () => {}, info: keep, warn: keep, error: keep } }
}

describe('binding', () => {
  it('takes the same free port on both loopback addresses', async () => {
    const listener = await open({ bindAddresses: ['127.0.0.1', '::1'] })
    record(listener, echo)
    expect(listener.port).toBeGreaterThan(0)
    for (const host of listener.addresses) {
      const client = await connect(listener, host)
      client.send(framed(Buffer.from(host)))
      expect((await client.frame()).toString()).toBe(host)
    }
  })

  it('goes on without an address that the machine does not have', async () => {
    const listener = await open({ bindAddresses: ['203.0.113.7', '127.0.0.1'] })
    expect(listener.addresses).toEqual(['127.0.0.1'])
  })

  it('fails with one sentence when no address is left', async () => {
    const opening = open({ bindAddresses: ['203.0.113.7'], port: 9092 })
    await expect(opening).rejects.toThrow(
      'Socket server failed to bind to 203.0.113.7:9092: Cannot assign requested address.',
    )
  })

  it('fails with one sentence when the port is taken, and keeps no other', async () => {
    const taken = createServer().listen(0, '127.0.0.2')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    try {
      const opening = open({ bindAddresses: ['127.0.0.1', '127.0.0.2'], port })
      await expect(opening).rejects.toThrow(
        `Socket server failed to bind to 127.0.0.2:${port}: Address already in use.`,
      )
      await expect(opening).rejects.toBeInstanceOf(BindError)
      expect((await open({ port })).port).toBe(port)
    } finally {
      taken.close()
    }
  })

  it('gives up after some ports that are free on the first address only', async () => {
    await expect(open({ bindAddresses: ['127.0.0.1', '127.0.0.1'] })).rejects.toThrow('Address already in use.')
  })

  it('serves a client that came before the start', async () => {
    const listener = await open()
    const client = await connect(listener)
    client.send(framed(Buffer.from('early')))
    await until(() => client.socket.bytesWritten > 0)
    record(listener, echo)
    expect((await client.frame()).toString()).toBe('early')
  })
})

describe('a connection', () => {
  it('says where it comes from and goes to', async () => {
    const listener = await open({ name: 'EXTERNAL' })
    const recorders = record(listener)
    const client = await connect(listener)
    await until(() => recorders.length === 1)
    const { connection } = recorders[0]!
    expect(connection.listener).toBe('EXTERNAL')
    expect(connection.clientAddress).toBe('127.0.0.1')
    expect(connection.id).toBe(`127.0.0.1:${listener.port}-127.0.0.1:${client.socket.localPort}-0`)
  })

  it('writes all that is sent in one turn at once', async () => {
    const listener = await open()
    const recorders = record(listener, (frame, connection) => {
      if (frame.length > 0) connection.send([framed(Buffer.from('first'))])
      connection.send([framed(Buffer.from('second')), framed(Buffer.from('third'))])
    })
    const client = await connect(listener)
    const chunks: number[] = []
    client.socket.on('data', (chunk) => chunks.push(chunk.length))
    client.send(Buffer.concat([framed(Buffer.of(1)), framed(Buffer.of())]))
    const answers = [await client.frame(), await client.frame(), await client.frame(), await client.frame()]
    expect(answers.map(String)).toEqual(['first', 'second', 'third', 'second'])
    expect(recorders[0]!.frames).toHaveLength(2)
    expect(chunks).toHaveLength(1)
  })

  it('writes answers that follow each other within a turn at once', async () => {
    const listener = await open()
    record(listener, (_frame, connection) => {
      for (const text of ['first', 'second', 'third']) {
        setImmediate(() => connection.send([framed(Buffer.from(text))], true))
      }
    })
    const client = await connect(listener)
    const chunks: number[] = []
    client.socket.on('data', (chunk) => chunks.push(chunk.length))
    client.send(framed(Buffer.of(1)))
    expect([await client.frame(), await client.frame(), await client.frame()].map(String)).toEqual([
      'first',
      'second',
      'third',
    ])
    expect(chunks).toHaveLength(1)
  })

  it('tells its end once', async () => {
    const listener = await open()
    const recorders = record(listener)
    const client = await connect(listener)
    await until(() => listener.connectionCount === 1)
    client.destroy()
    await until(() => listener.connectionCount === 0)
    expect(recorders[0]!.closings).toBe(1)
  })

  it('says of every answer when it is with the kernel, or will never be', async () => {
    const listener = await open()
    let written = 0
    let connection: FrameConnection | undefined
    record(listener, (_frame, taken) => {
      connection = taken
      taken.send([Buffer.alloc(50_000_000)], false, () => (written += 1))
    })
    const client = await connect(listener)
    client.send(framed(Buffer.of(1)))
    await until(() => connection !== undefined)
    expect(written).toBe(0)
    client.destroy()
    await until(() => written === 1)
    await until(() => listener.connectionCount === 0)
    connection!.send([Buffer.alloc(10)], false, () => (written += 1))
    expect(written).toBe(2)
  })

  it('still sends what it was given when it is closed, and takes no more frames', async () => {
    const listener = await open()
    const answer = Buffer.alloc(5_000_000, 3)
    const recorders = record(listener, (_frame, connection) => {
      connection.send([framed(answer)])
      connection.close()
    })
    const client = await connect(listener)
    client.send(Buffer.concat([framed(Buffer.of(1)), framed(Buffer.of(2))]))
    expect((await client.frame()).equals(answer)).toBe(true)
    await client.closed()
    expect(recorders[0]!.frames).toHaveLength(1)
  })

  it.each([
    ['a negative size', Buffer.from('ffffffff', 'hex')],
    ['a size beyond the limit', Buffer.from('000f4241', 'hex')],
    ['TLS', Buffer.from('16030100a5010000a10303', 'hex')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('is ended with one log line by %s, after the answers before; others go on', async (_what, bytes) => {
    const { lines, logger } = collectingLogger()
    const listener = await open({ logger })
    record(listener, echo)
    const hostile = await connect(listener)
    const other = await connect(listener)
    hostile.send(Buffer.concat([framed(Buffer.from('good')), bytes, Buffer.alloc(100)]))
    expect((await hostile.frame()).toString()).toBe('good')
    expect(await hostile.closed()).toHaveLength(0)
    expect(lines).toHaveLength(1)
    expect(lines[0]!.fields).toMatchObject({ client: '127.0.0.1', listener: 'PLAINTEXT' })
    other.send(framed(Buffer.from('still here')))
    expect((await other.frame()).toString()).toBe('still here')
  })

  it('takes frames that come byte by byte', async () => {
    const listener = await open()
    record(listener, echo)
    const client = await connect(listener)
    for (const byte of framed(Buffer.from('slow client'))) await client.sent(Buffer.of(byte))
    expect((await client.frame()).toString()).toBe('slow client')
  })

  it('forgets a frame that is cut off by its end', async () => {
    const listener = await open()
    const recorders = record(listener)
    const client = await connect(listener)
    client.socket.end(framed(Buffer.alloc(1000)).subarray(0, 500))
    await client.closed()
    await until(() => listener.connectionCount === 0)
    expect(recorders[0]!.frames).toEqual([])
    expect(recorders[0]!.closings).toBe(1)
  })
})

describe('back-pressure', () => {
  it('gives no frames while paused, then those that had come', async () => {
    const listener = await open()
    const recorders = record(listener, (_frame, connection) => connection.pause())
    const client = await connect(listener)
    client.send(Buffer.concat([framed(Buffer.of(1)), framed(Buffer.of(2)), framed(Buffer.of(3))]))
    await until(() => recorders[0]?.connection.bufferedBytes === 10)
    expect(recorders[0]!.frames).toHaveLength(1)
    recorders[0]!.connection.resume()
    expect(recorders[0]!.frames).toHaveLength(2)
    recorders[0]!.connection.resume()
    expect(recorders[0]!.frames.map((frame) => frame[0])).toEqual([1, 2, 3])
  })

  it('stops reading while paused', async () => {
    const listener = await open()
    const recorders = record(listener, (_frame, connection) => connection.pause())
    const client = await connect(listener)
    const burst = Buffer.concat(Array.from({ length: 100 }, () => framed(Buffer.alloc(10_000))))
    for (let round = 0; round < 30; round += 1) client.send(burst)
    await until(() => recorders[0]?.frames.length === 1 && client.socket.writableLength > 0)
    for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(recorders[0]!.connection.bufferedBytes).toBeLessThan(200_000)
    expect(client.socket.writableLength).toBeGreaterThan(0)
  })

  it('keeps memory bounded for a client that sends requests and reads no answers', async () => {
    const listener = await open()
    const answer = Buffer.alloc(10_000, 5)
    let mostHeld = 0
    const recorders = record(listener, (_frame, connection) => {
      connection.send([framed(answer)])
      mostHeld = Math.max(mostHeld, connection.unsentBytes + connection.bufferedBytes)
    })
    const client = await connect(listener)
    client.socket.pause()
    const requests = Buffer.concat(Array.from({ length: 500 }, () => framed(Buffer.alloc(96))))
    for (let round = 0; round < 200; round += 1) client.send(requests) // 100,000 requests: 1 GB of answers
    await until(() => client.socket.writableLength > 0 && (recorders[0]?.connection.unsentBytes ?? 0) > maxUnsentBytes)
    for (let turn = 0; turn < 500; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(recorders[0]!.connection.unsentBytes).toBeGreaterThan(maxUnsentBytes)
    expect(mostHeld).toBeLessThan(maxUnsentBytes + 500_000)
    expect(recorders[0]!.frames.length).toBeLessThan(20_000)

    // and goes on once the answers are read
    const before = recorders[0]!.frames.length
    client.socket.removeAllListeners('data')
    client.socket.on('data', () => {})
    client.socket.resume()
    await until(() => recorders[0]!.frames.length > before + 1000)
  })
})

describe('idle connections', () => {
  it('are closed, and those that do something are not', async () => {
    const clock = new SimulatedClock()
    const listener = await open({ clock, maxIdleMs: 1000 })
    const recorders = record(listener, echo)
    const idle = await connect(listener)
    const active = await connect(listener)
    await until(() => recorders.length === 2)
    for (let ms = 0; ms < 2000; ms += 250) {
      active.send(framed(Buffer.from('x')))
      await active.frame()
      await clock.advance(250)
      if (ms < 750) expect(listener.connectionCount).toBe(2)
    }
    await idle.closed()
    expect(listener.connectionCount).toBe(1)
    expect(active.isClosed).toBe(false)
  })

  it('include one that was closed, but whose client does not read its last answer', async () => {
    const clock = new SimulatedClock()
    const listener = await open({ clock, maxIdleMs: 1000 })
    record(listener, (_frame, connection) => {
      connection.send([framed(Buffer.alloc(30_000_000))])
      connection.close()
    })
    const client = await connect(listener)
    client.socket.pause()
    await client.sent(framed(Buffer.of(1)))
    await until(() => listener.connectionCount === 1)
    await clock.advance(2000)
    await until(() => listener.connectionCount === 0)
  })
})

describe('closing a listener', () => {
  it('ends all connections, also those before the start, and frees the port', async () => {
    const listener = await open()
    const early = await connect(listener)
    const recorders = record(listener)
    const others = [await connect(listener), await connect(listener)]
    await until(() => recorders.length === 3)
    await Promise.all([listener.close(), listener.close()])
    await Promise.all([early, ...others].map((client) => client.closed()))
    expect(recorders.map((each) => each.closings)).toEqual([1, 1, 1])
    expect(listener.connectionCount).toBe(0)
    expect((await open({ port: listener.port })).port).toBe(listener.port)
  })
})

describe('admission', () => {
  it('keeps connections unread until they may be served, and lets go of those that leave before', async () => {
    const waiting: { serve(): void; refuse(reason: string, afterMs: number): void }[] = []
    let abandoned = 0
    let released = 0
    const listener = await open()
    const frames: string[] = []
    listener.start(() => ({ receive: (frame) => void frames.push(String(frame)), closed: () => {} }), {
      admit: (_listener, _address, outcome) => {
        waiting.push(outcome)
        return () => {
          abandoned += 1
        }
      },
      release: () => {
        released += 1
      },
    })
    const [first, second, third] = [
      await RawClient.connect(listener.port),
      await RawClient.connect(listener.port),
      await RawClient.connect(listener.port),
    ]
    first.send(framed(Buffer.from('early')))
    await until(() => waiting.length === 3)
    expect(listener.connectionCount).toBe(0)
    second.destroy()
    await until(() => abandoned === 1)
    waiting[2]!.refuse('it is the third', 0)
    await third.closed()
    waiting[0]!.serve()
    await until(() => frames.length === 1)
    expect(frames).toEqual(['early'])
    first.destroy()
    await until(() => released === 1)
  })
})

describe('large requests', () => {
  it('arrive whole from many connections at once, also while others are held back, and with small ones in between', async () => {
    const listener = await open()
    const recorders: Recorder[] = []
    listener.start((connection) => {
      const recorder = new Recorder(connection, () => {
        if (recorder.frames.length % 7 === 3) {
          connection.pause()
          setImmediate(() => connection.resume())
        }
      })
      recorders.push(recorder)
      return recorder
    })
    const bodies = Array.from({ length: 40 }, (_, index) =>
      Buffer.alloc([65_000, 100, 300_000, 20_000][index % 4]!, index),
    )
    const all = Buffer.concat(bodies.map(framed))
    const senders = await Promise.all(Array.from({ length: 6 }, () => connect(listener)))
    for (const sender of senders) sender.send(all)
    await until(() => recorders.length === 6 && recorders.every(({ frames }) => frames.length === bodies.length))
    for (const { frames } of recorders) expect(frames.every((frame, index) => frame.equals(bodies[index]!))).toBe(true)
  })
})
