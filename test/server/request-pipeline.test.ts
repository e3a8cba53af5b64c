import { afterEach, describe, expect, it } from 'vitest'
import { KafkaError } from '../../protocol/errors.ts'
import {
  apiVersions,
  heartbeat,
  listGroups,
  metadata,
  offsetCommit,
  type ProduceRequest,
  type ProduceResponse,
  produce,
} from '../../protocol/messages/index.ts'
import type { Context } from '../../src/handlers/context.ts'
import { CloseConnection, type Handler, handle, whenSent } from '../../src/handlers/handler.ts'
import { settle } from '../../src/runtime/clock.ts'
import { type Slab, SlabPool } from '../../src/runtime/slabs.ts'
import { maxUnansweredBytes, maxUnansweredRequests } from '../../src/server/index.ts'
import { framed, until } from '../network/raw-client.ts'
import { answer, anyRequest, FakeConnection, Gate, request, requestBody, Serving } from './serving.ts'

let serving: Serving

afterEach(() => serving.stop())

async function serve(...handlers: Handler[]): Promise<Serving> {
  serving = await new Serving(handlers).start()
  return serving
}

const version0 = { clientSoftwareName: '', clientSoftwareVersion: '' }
const versions3 = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }

const apiVersionsHandler = handle(apiVersions, {
  serve: (_request, { handlers }) => ({
    apiKeys: handlers.map(({ api, versions }) => ({
      apiKey: api.key,
      minVersion: versions.first,
      maxVersion: versions.last,
    })),
  }),
  fail: (_request, errorCode) => ({ errorCode }),
})

const emptyMetadata = handle(metadata, { serve: () => ({}), fail: () => ({}) })
const beat = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null }

/** Heartbeat whose answers are given by hand. */
function heartbeats(gate: Gate<{ errorCode: number }>): Handler {
  return handle(heartbeat, { serve: () => gate.pass(), fail: (_request, errorCode) => ({ errorCode }) })
}

type Produced = Gate<ProduceResponse | undefined>

/** Produce whose answers are given by hand; `started` has the timeouts of the requests, which tell them apart. */
function produces(gate: Produced, started: number[] = []): Handler {
  return handle(produce, {
    overlaps: true,
    serve(asked) {
      started.push(asked.timeoutMs)
      return gate.pass()
    },
    fail: (asked, errorCode) => (asked.acks === 0 ? undefined : failedProduce(errorCode)),
  })
}

function failedProduce(errorCode: number): ProduceResponse {
  const partition = { index: 0, errorCode, baseOffset: -1 }
  return { responses: [{ name: 't', partitionResponses: [partition] }] } as unknown as ProduceResponse
}

const produceRequest = (timeoutMs: number, acks = 1, bytes = 0): object => ({
  transactionalId: null,
  acks,
  timeoutMs,
  topicData: [{ name: 't', partitionData: [{ index: 0, records: Buffer.alloc(bytes) }] }],
})

describe('a request', () => {
  it('is decoded, served and answered with its correlation id', async () => {
    const contexts: Context[] = []
    const handler = handle(heartbeat, {
      serve(asked, context) {
        contexts.push(context)
        return { errorCode: asked.generationId, throttleTimeMs: 3 }
      },
      fail: () => ({}),
    })
    const client = await (await serve(handler)).connect()
    for (const version of [0, 1, 3, 4]) {
      client.send(request(heartbeat, version, beat, { correlationId: 70 + version, clientId: `client-${version}` }))
      const { correlationId, body } = answer(heartbeat, version, await client.frame())
      expect(correlationId).toBe(70 + version)
      expect(body).toMatchObject({ errorCode: 1, throttleTimeMs: version >= 1 ? 3 : 0 })
    }
    expect(contexts.map(({ apiVersion, clientId }) => [apiVersion, clientId])).toEqual([
      [0, 'client-0'],
      [1, 'client-1'],
      [3, 'client-3'],
      [4, 'client-4'],
    ])
    const { connection } = contexts[0]!
    expect(connection.listener).toBe('PLAINTEXT')
    expect(connection.clientAddress).toBe('127.0.0.1')
    expect(contexts.every((context) => context.connection === connection)).toBe(true)
  })

  it('may have no client id', async () => {
    const client = await (await serve(emptyMetadata)).connect()
    client.send(request(metadata, 1, { topics: [] }, { clientId: null }))
    expect(answer(metadata, 1, await client.frame()).correlationId).toBe(1)
  })

  it('may have bytes behind its body, which are ignored as in Kafka', async () => {
    const client = await (await serve(apiVersionsHandler, emptyMetadata)).connect()
    client.send(framed(Buffer.concat([requestBody(apiVersions, 3, versions3), Buffer.from([1, 2, 3])])))
    expect(answer(apiVersions, 3, await client.frame()).body).toMatchObject({ errorCode: 0 })
    client.send(framed(Buffer.concat([requestBody(metadata, 12, { topics: [] }), Buffer.alloc(50)])))
    expect(answer(metadata, 12, await client.frame()).correlationId).toBe(1)
  })
})

describe('order', () => {
  it('answers pipelined requests as they came', async () => {
    const gate = new Gate<{ errorCode: number }>()
    const client = await (await serve(apiVersionsHandler, heartbeats(gate))).connect()
    client.send(
      Buffer.concat([
        request(heartbeat, 0, beat, { correlationId: 1 }),
        request(apiVersions, 0, version0, { correlationId: 2 }),
        request(heartbeat, 0, beat, { correlationId: 3 }),
        request(apiVersions, 0, version0, { correlationId: 4 }),
      ]),
    )
    await until(() => gate.calls.length === 1)
    gate.calls[0]!.resolve({ errorCode: 11 })
    expect(answer(heartbeat, 0, await client.frame())).toEqual({
      correlationId: 1,
      body: { errorCode: 11, throttleTimeMs: 0 },
    })
    expect(answer(apiVersions, 0, await client.frame()).correlationId).toBe(2)
    await until(() => gate.calls.length === 2)
    gate.calls[1]!.resolve({ errorCode: 13 })
    expect(answer(heartbeat, 0, await client.frame()).correlationId).toBe(3)
    expect(answer(apiVersions, 0, await client.frame()).correlationId).toBe(4)
  })

  it('lets produce requests overlap, and answers them as they came', async () => {
    const gate: Produced = new Gate()
    const client = await (await serve(produces(gate))).connect()
    for (let id = 1; id <= 3; id += 1) client.send(request(produce, 9, produceRequest(id), { correlationId: id }))
    await until(() => gate.calls.length === 3)
    gate.calls[2]!.resolve(failedProduce(33))
    gate.calls[1]!.reject(new KafkaError('NOT_ENOUGH_REPLICAS'))
    gate.calls[0]!.resolve(failedProduce(31))
    const codes: unknown[] = []
    for (let id = 1; id <= 3; id += 1) {
      const { correlationId, body } = answer<ProduceResponse>(produce, 9, await client.frame())
      expect(correlationId).toBe(id)
      codes.push(body.responses![0]!.partitionResponses![0]!.errorCode)
    }
    expect(codes).toEqual([31, 19, 33])
  })

  it('starts any other request only when all before it are answered, and none overtakes it', async () => {
    const produced: Produced = new Gate()
    const beats = new Gate<{ errorCode: number }>()
    const started: number[] = []
    const client = await (await serve(produces(produced, started), heartbeats(beats))).connect()
    client.send(
      Buffer.concat([
        request(produce, 9, produceRequest(1), { correlationId: 1 }),
        request(produce, 9, produceRequest(2), { correlationId: 2 }),
        request(heartbeat, 0, beat, { correlationId: 3 }),
        request(produce, 9, produceRequest(4), { correlationId: 4 }),
        request(produce, 9, produceRequest(5), { correlationId: 5 }),
      ]),
    )
    await until(() => produced.calls.length === 2)
    produced.calls[1]!.resolve(failedProduce(0))
    await new Promise((resolve) => setImmediate(resolve))
    expect(beats.calls).toHaveLength(0)
    produced.calls[0]!.resolve(failedProduce(0))
    await until(() => beats.calls.length === 1)
    expect(started).toEqual([1, 2])
    beats.calls[0]!.resolve({ errorCode: 0 })
    await until(() => produced.calls.length === 4)
    produced.calls[3]!.resolve(failedProduce(0))
    produced.calls[2]!.resolve(failedProduce(0))
    const ids: number[] = []
    for (let count = 0; count < 5; count += 1) ids.push((await client.frame()).readInt32BE(0))
    expect(ids).toEqual([1, 2, 3, 4, 5])
  })

  it('sends nothing where the handler has no answer, and goes on', async () => {
    const gate: Produced = new Gate()
    const client = await (await serve(produces(gate), apiVersionsHandler)).connect()
    client.send(request(produce, 9, produceRequest(1, 0)))
    client.send(request(apiVersions, 0, version0, { correlationId: 2 }))
    await until(() => gate.calls.length === 1)
    gate.calls[0]!.resolve(undefined)
    expect(answer(apiVersions, 0, await client.frame()).correlationId).toBe(2)
  })

  it('disturbs no other connection', async () => {
    const gate = new Gate<{ errorCode: number }>()
    await serve(heartbeats(gate), apiVersionsHandler)
    const parked = await serving.connect()
    parked.send(request(heartbeat, 0, beat))
    await until(() => gate.calls.length === 1)
    const clients = await Promise.all(Array.from({ length: 20 }, () => serving.connect()))
    const hostile = await serving.connect()
    hostile.send(anyRequest(9999, 0, Buffer.alloc(1000, 0xff)))
    await Promise.all(
      clients.map(async (client, index) => {
        client.send(request(apiVersions, 0, version0, { correlationId: index }))
        expect(answer(apiVersions, 0, await client.frame()).correlationId).toBe(index)
      }),
    )
    await hostile.closed()
    gate.calls[0]!.resolve({ errorCode: 0 })
    await parked.frame()
    expect(clients.some((client) => client.isClosed)).toBe(false)
  })
})

describe('errors', () => {
  const failing = (error: Error): Handler =>
    handle(heartbeat, {
      serve: ({ generationId }) => {
        if (generationId === 1) throw error
        return Promise.reject(error)
      },
      fail: (_request, errorCode) => ({ errorCode }),
    })

  it('are answered with their code', async () => {
    const client = await (await serve(failing(new KafkaError('UNKNOWN_MEMBER_ID')))).connect()
    for (const generationId of [1, 2]) {
      client.send(request(heartbeat, 4, { ...beat, generationId }))
      expect(answer(heartbeat, 4, await client.frame()).body).toMatchObject({ errorCode: 25 })
    }
    expect(serving.lines).toEqual([])
  })

  it('give the handler the message and the request', async () => {
    const seen: unknown[] = []
    const handler = handle(heartbeat, {
      serve() {
        throw new KafkaError('ILLEGAL_GENERATION', 'generation 1 is over, 2 is the present one')
      },
      fail(asked, errorCode, context, message) {
        seen.push(asked.groupId, errorCode, context.apiVersion, message)
        return { errorCode }
      },
    })
    const client = await (await serve(handler)).connect()
    client.send(request(heartbeat, 4, beat))
    await client.frame()
    expect(seen).toEqual(['g', 22, 4, 'generation 1 is over, 2 is the present one'])
  })

  it('that nobody expected are answered with UNKNOWN_SERVER_ERROR and logged with their stack', async () => {
    const client = await (await serve(failing(new TypeError('a bug')))).connect()
    for (const generationId of [1, 2]) {
      client.send(request(heartbeat, 4, { ...beat, generationId }))
      expect(answer(heartbeat, 4, await client.frame()).body).toMatchObject({ errorCode: -1 })
    }
    expect(serving.lines).toHaveLength(2)
    expect(serving.lines[0]).toMatchObject({
      level: 'error',
      fields: { api: 'Heartbeat', version: 4, clientId: 'tester', client: '127.0.0.1' },
    })
    expect(serving.lines[0]!.fields.err).toBeInstanceOf(TypeError)
  })

  it('include an answer that can not be encoded', async () => {
    const unencodable = handle(listGroups, {
      serve: () => ({ groups: [{ groupId: 'x'.repeat(40_000) }] }),
      fail: (_request, errorCode) => ({ errorCode }),
    })
    const client = await (await serve(unencodable)).connect()
    client.send(request(listGroups, 0, {}))
    expect(answer(listGroups, 0, await client.frame()).body).toMatchObject({ errorCode: -1 })
    const reason = 'string of 40000 bytes, 32767 is the most'
    expect(serving.lines).toMatchObject([{ level: 'warn', fields: { api: 'ListGroups', reason } }])
  })

  it('end the connection, with a warning, where what they repeat of the request can not be encoded', async () => {
    const unencodable = () => ({ groups: [{ groupId: 'x'.repeat(40_000) }] })
    const client = await (await serve(handle(listGroups, { serve: unencodable, fail: unencodable }))).connect()
    client.send(request(listGroups, 0, {}))
    expect(await client.closed()).toHaveLength(0)
    const reason = 'string of 40000 bytes, 32767 is the most'
    expect(serving.lines.slice(0, 2)).toMatchObject([
      { level: 'warn', fields: { api: 'ListGroups', reason } },
      { level: 'warn', fields: { api: 'ListGroups', reason } },
    ])
  })

  it('that have no answer end the connection', async () => {
    const gate: Produced = new Gate()
    const client = await (await serve(produces(gate))).connect()
    client.send(request(produce, 9, produceRequest(1, 0)))
    await until(() => gate.calls.length === 1)
    gate.calls[0]!.reject(new KafkaError('NOT_LEADER_OR_FOLLOWER'))
    expect(await client.closed()).toHaveLength(0)
    expect(serving.lines).toHaveLength(1)
    expect(serving.lines[0]!.fields).toMatchObject({ api: 'Produce', version: 9, clientId: 'tester' })
  })

  it('end the connection where the handler asks for it, after the answers before', async () => {
    const gate: Produced = new Gate()
    const started: number[] = []
    const client = await (await serve(produces(gate, started), apiVersionsHandler)).connect()
    client.send(
      Buffer.concat([
        request(produce, 9, produceRequest(1), { correlationId: 1 }),
        request(produce, 9, produceRequest(2, 0), { correlationId: 2 }),
      ]),
    )
    await until(() => gate.calls.length === 2)
    gate.calls[1]!.reject(new CloseConnection('produce with acks=0 failed'))
    await new Promise((resolve) => setImmediate(resolve))
    await client.sent(request(produce, 9, produceRequest(3), { correlationId: 3 }))
    await new Promise((resolve) => setImmediate(resolve))
    gate.calls[0]!.resolve(failedProduce(0))
    expect((await client.frame()).readInt32BE(0)).toBe(1)
    expect(await client.closed()).toHaveLength(0)
    expect(started).toEqual([1, 2])
    expect(serving.lines.map(({ fields }) => fields.reason)).toEqual(['produce with acks=0 failed'])
  })

  it('include an integer that JavaScript can not hold, before the handler sees it', async () => {
    let served = 0
    const handler = handle(offsetCommit, {
      serve() {
        served += 1
        return {}
      },
      fail: (asked, errorCode) => ({
        topics: asked.topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
        })),
      }),
    })
    const client = await (await serve(handler)).connect()
    const partitions = [{ partitionIndex: 0, committedOffset: 2n ** 60n, committedMetadata: null }]
    client.send(request(offsetCommit, 8, { groupId: 'g', memberId: '', topics: [{ name: 't', partitions }] }))
    const { body } = answer<{ topics: { partitions: { errorCode: number }[] }[] }>(
      offsetCommit,
      8,
      await client.frame(),
    )
    expect(body.topics[0]!.partitions[0]!.errorCode).toBe(42)
    expect(served).toBe(0)
  })
})

describe('what is no request that is served', () => {
  it.each([
    ['an unknown API key', anyRequest(9999, 0, Buffer.from('000178', 'hex')), 'there is no such API', 9999, 0],
    ['a negative API key', anyRequest(-7, 0, Buffer.from('000178', 'hex')), 'there is no such API', -7, 0],
    [
      'an API that is not served',
      anyRequest(4, 0, Buffer.from('000178', 'hex')),
      'this API is not served',
      'LeaderAndIsr',
      0,
    ],
    [
      'a version above the range',
      anyRequest(3, 99, Buffer.from('00017800', 'hex')),
      'version 99 is not served, 0 to 13 are',
      'Metadata',
      99,
    ],
    ['a negative version', anyRequest(3, -1, Buffer.from('000178', 'hex')), 'version -1 is not served', 'Metadata', -1],
    ['a header that is cut off', anyRequest(3, 1, Buffer.from('00', 'hex')), 'bytes expected', 'Metadata', 1],
    [
      'a client id longer than the frame',
      anyRequest(3, 1, Buffer.from('7fff78', 'hex')),
      'bytes expected',
      'Metadata',
      1,
    ],
    ['a body that is cut off', anyRequest(3, 1, Buffer.from('000178000000', 'hex')), 'bytes expected', 'Metadata', 1],
    [
      'an array longer than the frame',
      anyRequest(3, 1, Buffer.from('0001787fffffff', 'hex')),
      'array of',
      'Metadata',
      1,
    ],
    ['an empty frame', framed(Buffer.alloc(0)), '0 bytes are no request', -1, -1],
    ['three bytes', framed(Buffer.from('000300', 'hex')), '3 bytes are no request', 'Metadata', -1],
    ['ApiVersions with a cut off header', anyRequest(18, 99), 'are left', 'ApiVersions', 99],
  ])('%s: the connection is closed with one log line', async (_what, bytes, reason, api, version) => {
    const client = await (await serve(apiVersionsHandler, emptyMetadata)).connect()
    client.send(Buffer.concat([request(apiVersions, 0, version0, { correlationId: 5 }), bytes]))
    expect((await client.frame()).readInt32BE(0)).toBe(5)
    expect(await client.closed()).toHaveLength(0)
    expect(serving.lines).toHaveLength(1)
    expect(serving.lines[0]).toMatchObject({ level: 'warn', fields: { client: '127.0.0.1', api, version } })
    expect(serving.lines[0]!.fields.reason).toContain(reason)
  })

  it('names the client, once it is known', async () => {
    const client = await (await serve(emptyMetadata)).connect()
    client.send(anyRequest(3, 1, Buffer.from('000178000000', 'hex')))
    await client.closed()
    expect(serving.lines[0]!.fields.clientId).toBe('x')
  })

  it('is refused in its turn, and nothing behind it is started', async () => {
    const gate: Produced = new Gate()
    const started: number[] = []
    const client = await (await serve(produces(gate, started))).connect()
    client.send(request(produce, 9, produceRequest(1), { correlationId: 1 }))
    client.send(anyRequest(0, 99, Buffer.from('00017800', 'hex')))
    client.send(request(produce, 9, produceRequest(2), { correlationId: 2 }))
    await until(() => gate.calls.length === 1)
    gate.calls[0]!.resolve(failedProduce(0))
    expect((await client.frame()).readInt32BE(0)).toBe(1)
    expect(await client.closed()).toHaveLength(0)
    expect(started).toEqual([1])
  })
})

describe('ApiVersions in a version that is not served', () => {
  it.each([5, 99, 32767])('v%i is answered in v0 form with UNSUPPORTED_VERSION and the range', async (version) => {
    const client = await (await serve(apiVersionsHandler)).connect()
    client.send(anyRequest(18, version, Buffer.from('0001780001020304', 'hex')))
    // as Apache Kafka 4.3.1 answers
    expect((await client.frame()).toString('hex')).toBe('00000009002300000001001200000004')
    client.send(request(apiVersions, 0, version0, { correlationId: 10 }))
    expect(answer(apiVersions, 0, await client.frame()).correlationId).toBe(10)
    expect(serving.lines).toEqual([])
  })

  it('is answered the same when the version is negative', async () => {
    const client = await (await serve(apiVersionsHandler)).connect()
    client.send(anyRequest(18, -1, Buffer.from('ffff', 'hex')))
    expect((await client.frame()).toString('hex')).toBe('00000009002300000001001200000004')
  })
})

describe('bounds', () => {
  it('stop reading at a number of unanswered requests, and go on as they are answered', async () => {
    const gate: Produced = new Gate()
    const client = await (await serve(produces(gate))).connect()
    const total = maxUnansweredRequests * 3
    for (let id = 0; id < total; id += 1) client.send(request(produce, 9, produceRequest(id), { correlationId: id }))
    await until(() => gate.calls.length === maxUnansweredRequests)
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(gate.calls).toHaveLength(maxUnansweredRequests)
    for (let id = 0; id < total; id += 1) {
      await until(() => gate.calls.length > id)
      gate.calls[id]!.resolve(failedProduce(0))
      expect((await client.frame()).readInt32BE(0)).toBe(id)
    }
  })

  it('stop reading at an amount of unanswered bytes', async () => {
    const gate: Produced = new Gate()
    const client = await (await serve(produces(gate))).connect()
    const bytes = 3_000_000
    for (let id = 0; id < 6; id += 1) client.send(request(produce, 9, produceRequest(id, 1, bytes)))
    const fitting = Math.ceil(maxUnansweredBytes / bytes)
    await until(() => gate.calls.length === fitting)
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(gate.calls).toHaveLength(fitting)
    gate.calls[0]!.resolve(failedProduce(0))
    await until(() => gate.calls.length === fitting + 1)
  })

  it('hold for requests that wait for one before them, too, and keep no chunk of the socket for them', async () => {
    const gate = new Gate<{ errorCode: number }>()
    await serve(heartbeats(gate))
    const connection = new FakeConnection()
    const pipeline = serving.server.accept(connection)
    const chunk = Buffer.concat(Array.from({ length: 1000 }, () => requestBody(heartbeat, 0, beat)))
    const bytes = chunk.length / 1000
    let received = 0
    for (; !connection.isPaused; received += 1) {
      const frame = chunk.subarray(received * bytes, (received + 1) * bytes)
      pipeline.receive(frame)
      if (received > 0) frame.fill(0xff) // it has its own bytes by now
    }
    expect(received).toBe(maxUnansweredRequests)
    for (let id = 0; id < received; id += 1) {
      await until(() => gate.calls.length === id + 1)
      gate.calls[id]!.resolve({ errorCode: 0 })
    }
    await until(() => connection.sent.length === received)
    expect(connection.isPaused).toBe(false)
    expect(connection.isClosed).toBe(false)
  })
})

describe('what an answer brings for when it is sent', () => {
  interface Sending {
    readonly errorCode: number
    readonly [whenSent]: () => void
  }

  /** Two Heartbeats have come, the second has ended: its answer waits for the first one's. */
  async function waitingAnswer() {
    const gate = new Gate<Sending>()
    const overlapping = handle(heartbeat, { overlaps: true, serve: () => gate.pass(), fail: () => ({ errorCode: 1 }) })
    await serve(overlapping)
    const connection = new FakeConnection()
    const pipeline = serving.server.accept(connection)
    for (let count = 0; count < 2; count += 1) pipeline.receive(requestBody(heartbeat, 0, beat))
    await until(() => gate.calls.length === 2)
    const sent = [0, 0]
    const end = async (index: 0 | 1) => {
      gate.calls[index]!.resolve({ errorCode: 0, [whenSent]: () => (sent[index]! += 1) })
      await settle()
    }
    await end(1)
    expect(sent).toEqual([0, 0])
    return { connection, pipeline, sent, end }
  }

  it('is called once the connection has taken it', async () => {
    const { connection, sent, end } = await waitingAnswer()
    await end(0)
    expect(connection.sent).toHaveLength(2)
    expect(sent).toEqual([1, 1])
  })

  it('is called when the connection ends before, also for what ends later', async () => {
    const { connection, pipeline, sent, end } = await waitingAnswer()
    pipeline.closed()
    expect(sent).toEqual([0, 1])
    await end(0)
    expect(sent).toEqual([1, 1])
    expect(connection.sent).toHaveLength(0)
  })
})

describe('the memory of a request', () => {
  const pool = new SlabPool(100_000, 10)

  /** A request in a slab that it holds, as the network hands it on. */
  function inSlab(frame: Buffer): { frame: Buffer; slab: Slab } {
    const slab = pool.take()
    return { frame: slab.buffer.subarray(50, 50 + frame.copy(slab.buffer, 50)), slab }
  }

  /** A Produce whose handler keeps nothing is under way. */
  async function receiveInSlab() {
    const gate: Produced = new Gate()
    await serve({ ...produces(gate), keepsNothing: true })
    const pipeline = serving.server.accept(new FakeConnection())
    const { frame, slab } = inSlab(requestBody(produce, 9, produceRequest(1)))
    pipeline.receive(frame)
    return { gate, pipeline, slab }
  }

  async function isFree(slab: Slab): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve))
    const taken = pool.take()
    taken.release()
    return taken === slab
  }

  it('is used again once a handler that keeps nothing of it has answered, and not before', async () => {
    const { gate, slab } = await receiveInSlab()
    expect(await isFree(slab)).toBe(false)
    gate.calls[0]!.resolve(failedProduce(0))
    expect(await isFree(slab)).toBe(true)
  })

  it('is used again at once where the handler may keep a part of the request, which gets bytes of its own', async () => {
    const gate: Produced = new Gate()
    const kept: Buffer[] = []
    const { serve: pass, ...handler } = produces(gate)
    await serve({
      ...handler,
      serve(asked, context) {
        kept.push((asked as ProduceRequest).topicData[0]!.partitionData[0]!.records!)
        return pass(asked, context)
      },
    })
    const pipeline = serving.server.accept(new FakeConnection())
    const { frame, slab } = inSlab(requestBody(produce, 9, produceRequest(1, 1, 1000)))
    pipeline.receive(frame)
    expect(await isFree(slab)).toBe(true)
    slab.buffer.fill(0xff)
    expect(kept[0]!.equals(Buffer.alloc(1000))).toBe(true)
  })

  it('is not used again when the handler has failed, which may be at work on a part of it', async () => {
    const { gate, slab } = await receiveInSlab()
    gate.calls[0]!.reject(new Error('unexpected'))
    expect(await isFree(slab)).toBe(false)
  })

  it('is used again after the end of the connection, once the handler has ended', async () => {
    const { gate, pipeline, slab } = await receiveInSlab()
    pipeline.closed()
    expect(await isFree(slab)).toBe(false)
    gate.calls[0]!.resolve(failedProduce(0))
    expect(await isFree(slab)).toBe(true)
  })

  it('is not what waits behind another request', async () => {
    const gate = new Gate<{ errorCode: number }>()
    await serve(heartbeats(gate))
    const pipeline = serving.server.accept(new FakeConnection())
    pipeline.receive(requestBody(heartbeat, 0, beat))
    const { frame, slab } = inSlab(requestBody(heartbeat, 0, beat))
    pipeline.receive(frame)
    expect(await isFree(slab)).toBe(true)
  })
})

describe('the end of a connection', () => {
  it('tells what waits for it once, and drops the answer', async () => {
    const gate = new Gate<{ errorCode: number }>()
    let ends = 0
    let dropped = 0
    const handler = handle(heartbeat, {
      serve(_asked, { connection }) {
        connection.onClose(() => {
          ends += 1
        })
        const drop = connection.onClose(() => {
          dropped += 1
        })
        drop()
        return gate.pass()
      },
      fail: (_request, errorCode) => ({ errorCode }),
    })
    const client = await (await serve(handler)).connect()
    client.send(Buffer.concat([request(heartbeat, 0, beat), request(heartbeat, 0, beat), request(heartbeat, 0, beat)]))
    await until(() => gate.calls.length === 1)
    client.destroy()
    await until(() => ends === 1)
    gate.calls[0]!.reject(new TypeError('nobody should hear of this'))
    await until(() => serving.server.pendingRequests === 0)
    expect(ends).toBe(1)
    expect(dropped).toBe(0)
    expect(gate.calls).toHaveLength(1) // what waited behind it is not started
    expect(serving.lines).toEqual([])
  })

  it('reaches a handler that asks when it is over', async () => {
    const gate = new Gate<{ errorCode: number }>()
    let context: Context | undefined
    const handler = handle(heartbeat, {
      serve(_asked, given) {
        context = given
        return gate.pass()
      },
      fail: (_request, errorCode) => ({ errorCode }),
    })
    const client = await (await serve(handler)).connect()
    client.send(request(heartbeat, 0, beat))
    await until(() => context !== undefined)
    client.destroy()
    await until(() => serving.listener.connectionCount === 0)
    const order: string[] = []
    context!.connection.onClose(() => order.push('closed'))
    order.push('returned')
    await new Promise((resolve) => setImmediate(resolve))
    expect(order).toEqual(['returned', 'closed'])
    gate.calls[0]!.resolve({ errorCode: 0 })
  })

  it('reaches all that wait, also when one of them fails', async () => {
    let reached = false
    const handler = handle(heartbeat, {
      serve(_asked, { connection }) {
        connection.onClose(() => {
          throw new Error('a bug')
        })
        connection.onClose(() => {
          reached = true
        })
        return {}
      },
      fail: () => ({}),
    })
    const client = await (await serve(handler)).connect()
    client.send(request(heartbeat, 0, beat))
    await client.frame()
    client.destroy()
    await until(() => reached)
    expect(serving.lines).toMatchObject([{ level: 'error' }])
  })
})

describe('a large request', () => {
  const large = {
    ...produceRequest(1),
    topicData: Array.from({ length: 20_000 }, (_, at) => ({ name: `t-${at}`, partitionData: [] })),
  }

  it('is decoded in several turns of the event loop; what comes behind it waits for its answer, also where it could overlap', async () => {
    const produced: Produced = new Gate()
    const started: number[] = []
    const client = await (await serve(produces(produced, started), apiVersionsHandler)).connect()
    const other = await serving.connect()
    client.send(Buffer.concat([request(produce, 9, large), request(produce, 9, produceRequest(2))]))
    other.send(request(apiVersions, 3, versions3))
    await other.frame()
    await until(() => started.length === 1)
    produced.calls[0]!.resolve({ responses: [] })
    await client.frame()
    await until(() => started.length === 2)
    expect(started).toEqual([1, 2])
    produced.calls[1]!.resolve({ responses: [] })
    await client.frame()
  })

  it('that is damaged far behind its start ends the connection', async () => {
    const client = await (await serve(produces(new Gate()))).connect()
    const body = requestBody(produce, 9, large)
    client.send(framed(body.subarray(0, body.length - 3)))
    expect(await client.closed()).toHaveLength(0)
    expect(serving.lines.map(({ message }) => message)).toEqual(['connection closed: a request can not be answered'])
  })

  it('that fails is answered for each of its elements', async () => {
    const failing = handle(produce, {
      serve: () => Promise.reject(new KafkaError('REQUEST_TIMED_OUT')),
      fail: ({ topicData }) => ({ responses: topicData.map(({ name }) => ({ name, partitionResponses: [] })) }),
    })
    const client = await (await serve(failing)).connect()
    client.send(request(produce, 9, large))
    const { body } = answer<{ responses: { name: string }[] }>(produce, 9, await client.frame())
    expect(body.responses).toHaveLength(20_000)
    expect(body.responses.at(-1)?.name).toBe('t-19999')
  })
})
