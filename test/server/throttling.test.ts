/** A throttled client is answered at once, with the time, and then not heard for as long (KIP-219). */
import { describe, expect, it } from 'vitest'
import { apiVersions, fetch, produce } from '../../protocol/messages/index.ts'
import type { Api } from '../../protocol/schema/index.ts'
import type { Rooms } from '../../src/handlers/context.ts'
import { type Handler, handle, whenSent, whenThrottled } from '../../src/handlers/handler.ts'
import type { RequestUsage } from '../../src/quotas/broker-quotas.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { Server } from '../../src/server/index.ts'
import { answer, FakeConnection, requestBody } from './serving.ts'

const versionsHandler = handle(apiVersions, {
  serve: () => ({ apiKeys: [] }),
  fail: (_request, errorCode) => ({ errorCode }),
})
const producing = handle(produce, {
  counts: 'produce',
  overlaps: true,
  serve: async (request) => (request.acks === 0 ? undefined : { responses: [] }),
  fail: () => undefined,
})

/** A server whose quotas give the next request each of `throttleMs`, then 0. */
function serve(handlers: readonly Handler[], ...throttleMs: number[]) {
  const clock = new SimulatedClock()
  const usages: RequestUsage[] = []
  const quotas = {
    isEnforced: true,
    record(_client: unknown, usage: RequestUsage) {
      usages.push(usage)
      return throttleMs.shift() ?? 0
    },
  }
  const server = new Server({ handlers, clock, logger: silentLogger, quotas } as unknown as Rooms)
  const connection = new FakeConnection()
  const pipeline = server.accept(connection)
  const ask = (api: Api, version: number, body: object, correlationId: number): void =>
    pipeline.receive(requestBody(api, version, body, { correlationId }))
  const told = (index: number, api: Api, version: number) =>
    answer<{ throttleTimeMs: number; sessionId: number; responses: unknown[] }>(
      api,
      version,
      connection.sent[index]!.subarray(4),
    ).body
  return { clock, connection, pipeline, usages, ask, told }
}

describe('a throttled connection', () => {
  it('is answered at once and heard again when the time is over', async () => {
    const { clock, connection, ask, told } = serve([versionsHandler], 100)
    ask(apiVersions, 1, {}, 1)
    expect(told(0, apiVersions, 1).throttleTimeMs).toBe(100)
    expect(connection.isPaused).toBe(true)
    ask(apiVersions, 1, {}, 2)
    await clock.advance(99)
    expect(connection.sent).toHaveLength(1)
    await clock.advance(1)
    expect(told(1, apiVersions, 1).throttleTimeMs).toBe(0)
    expect(connection.isPaused).toBe(false)
  })

  it('is muted for the longest of what its requests on the way are told', async () => {
    const { clock, connection, ask, usages } = serve([versionsHandler, producing], 50, 200, 10)
    const body = { acks: -1, timeoutMs: 1, topicData: [] }
    for (const id of [1, 2, 3]) ask(produce, 9, body, id)
    await settle()
    expect(connection.sent).toHaveLength(3)
    expect(usages.map(({ counts }) => counts)).toEqual(['produce', 'produce', 'produce'])
    ask(apiVersions, 1, {}, 4)
    await clock.advance(199)
    expect(connection.sent).toHaveLength(3)
    await clock.advance(1)
    expect(connection.sent).toHaveLength(4)
  })

  it('is muted after a request that nobody answers', async () => {
    const { clock, connection, ask, usages } = serve([versionsHandler, producing], 300)
    ask(produce, 9, { acks: 0, timeoutMs: 1, topicData: [] }, 1)
    await settle()
    expect(usages[0]).toMatchObject({ isUnanswered: true, counts: 'produce' })
    ask(apiVersions, 1, {}, 2)
    expect(connection.sent).toHaveLength(0)
    await clock.advance(300)
    expect(connection.sent).toHaveLength(1)
  })

  it('gets an empty answer where the API has one, and what held the full one is released', () => {
    let released = 0
    const fetching = handle(fetch, {
      counts: 'fetch',
      serve: () => ({
        sessionId: 7,
        responses: [{ topic: 't', partitions: [] }],
        [whenSent]: () => {
          released += 1
        },
        [whenThrottled]: () => ({ sessionId: 0, responses: [] }),
      }),
      fail: (_request, errorCode) => ({ errorCode }),
    })
    const { connection, ask, told, usages } = serve([fetching], 100)
    const written: (() => void)[] = []
    connection.send = (buffers: readonly Buffer[], _more?: boolean, done?: () => void) => {
      connection.sent.push(Buffer.concat(buffers))
      if (done !== undefined) written.push(done)
    }
    ask(fetch, 11, { maxWaitMs: 0, minBytes: 0 }, 1)
    expect(told(0, fetch, 11)).toMatchObject({ throttleTimeMs: 100, sessionId: 0, responses: [] })
    expect(usages[0]!.bytes).toBeGreaterThan(connection.sent[0]!.length)
    for (const done of written) done()
    expect(released).toBe(1)
  })

  it('leaves no timer behind when it ends', async () => {
    const { clock, ask, pipeline } = serve([versionsHandler], 100)
    ask(apiVersions, 1, {}, 1)
    pipeline.closed()
    expect(clock.nextDueMs()).toBeUndefined()
  })
})
