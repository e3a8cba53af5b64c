import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { apis, requestHeader, requestHeaderVersion } from '../../protocol/messages/index.ts'
import { type Api, Writer } from '../../protocol/schema/index.ts'
import { type Handler, handle } from '../../src/handlers/handler.ts'
import { framed, RawClient } from '../network/raw-client.ts'
import { FakeConnection, Serving } from './serving.ts'

/** Every API is served, some at once, some later. */
const handlers: Handler[] = apis.map((api: Api, index) =>
  handle(api, { serve: () => (index % 2 === 0 ? {} : Promise.resolve({})), fail: () => ({}) }),
)

interface Vector {
  readonly api: string
  readonly version: number
  readonly type: string
  readonly hex: string
}

/** Valid requests of all kinds, as Kafka's own classes wrote them. */
function validRequests(): Buffer[] {
  const lines = gunzipSync(readFileSync(new URL('../vectors/vectors.jsonl.gz', import.meta.url))).toString()
  const frames: Buffer[] = []
  for (const line of lines.split('\n')) {
    if (!line.includes('"type":"request"')) continue
    const vector = JSON.parse(line) as Vector
    const api = apis.find((each) => `${each.name}Request` === vector.api)
    if (api === undefined) continue
    const writer = new Writer()
    requestHeader.codec(requestHeaderVersion(api, vector.version)).encode(writer, {
      requestApiKey: api.key,
      requestApiVersion: vector.version,
      correlationId: 1,
      clientId: 'fuzz',
    })
    frames.push(Buffer.concat([writer.toBuffer(), Buffer.from(vector.hex, 'hex')]))
  }
  return frames
}

const valid = validRequests()
const mutated = fc
  .tuple(
    fc.constantFrom(...valid),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x20)), { maxLength: 5 }),
    fc.option(fc.nat(), { freq: 4 }),
  )
  .map(([frame, changes, end]) => {
    const bytes = Buffer.from(frame)
    for (const [at, value] of changes) bytes[at % bytes.length] = value
    return end === null ? bytes : bytes.subarray(0, end % bytes.length)
  })

describe('hostile bytes', () => {
  it('start from valid requests', () => {
    expect(valid.length).toBeGreaterThan(1000)
  })

  it('as frames end in an answer or a close', async () => {
    const { server, lines } = new Serving(handlers)
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 }).map(Buffer.from)), async (frame) => {
        const connection = new FakeConnection()
        const pipeline = server.accept(connection)
        pipeline.receive(frame)
        if (server.pendingRequests > 0) await new Promise((resolve) => setImmediate(resolve))
        expect(connection.sent.length + Number(connection.isClosed)).toBe(1)
        pipeline.closed()
      }),
      { numRuns: 3000 },
    )
    expect(lines.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('on a socket end in an answer or a close, and leave others alone', async () => {
    const serving = await new Serving(handlers).start()
    const other = await serving.connect()
    const bytes = fc.oneof(mutated.map(framed), fc.uint8Array({ minLength: 4, maxLength: 300 }).map(Buffer.from))
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 5 }), async (sent) => {
        const client = await RawClient.connect(serving.listener.port)
        client.socket.end(Buffer.concat(sent))
        await client.closed()
      }),
      { numRuns: 200 },
    )
    other.send(framed(valid[0]!))
    await other.frame()
    await serving.stop()
  })
})
