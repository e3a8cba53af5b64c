import { describe, expect, it } from 'vitest'
import { apiVersions } from '../../protocol/messages/index.ts'
import type { Rooms } from '../../src/handlers/context.ts'
import { handle } from '../../src/handlers/handler.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { inTurns, mapInTurns, nextTurn, startInTurns } from '../../src/runtime/turns.ts'
import { openAccessFor } from '../../src/security/access.ts'
import { Server } from '../../src/server/index.ts'
import type { AnsweredRequest } from '../../src/server/request-observer.ts'
import { until } from '../network/raw-client.ts'
import { FakeConnection, requestBody } from './serving.ts'

/** Time passes by what is done. */
class WorkingClock extends SimulatedClock {
  #workedMs = 0

  work(ms: number): void {
    this.#workedMs += ms
  }

  override monotonicMs(): number {
    return super.monotonicMs() + this.#workedMs
  }
}

describe('an observer', () => {
  it('is told of each request when its answer is handed to the network', async () => {
    const clock = new SimulatedClock()
    const told: AnsweredRequest[] = []
    const waiting = handle(apiVersions, {
      serve: () => new Promise((resolve) => clock.after(70, () => resolve({ errorCode: 0, apiKeys: [] }))),
      fail: (_request, errorCode) => ({ errorCode }),
    })
    const quotas = { isEnforced: false }
    const rooms = { handlers: [waiting], clock, logger: silentLogger, quotas } as unknown as Rooms
    const server = new Server(rooms, openAccessFor, { observers: [{ answered: (request) => void told.push(request) }] })
    const connection = new FakeConnection()
    const frame = requestBody(apiVersions, 1, {}, { correlationId: 5, clientId: 'app' })
    server.accept(connection).receive(frame)
    await settle()
    expect(told).toEqual([])
    await clock.advance(70)
    expect(told).toEqual([
      expect.objectContaining({
        ...{ apiKey: 18, api: 'ApiVersions', apiVersion: 1, correlationId: 5, clientId: 'app', user: 'ANONYMOUS' },
        ...{ requestBytes: frame.length, responseBytes: connection.sent[0]!.length, totalMs: 70, threadMs: 0 },
        body: { errorCode: 0, apiKeys: [] },
      }),
    ])
  })
  it('is told of the work of all turns that a handler takes at once, and not of what it waits for', async () => {
    const clock = new WorkingClock()
    const told: AnsweredRequest[] = []
    const many = Array.from({ length: 10 }, (_, index) => index)
    function* steps(): Generator<undefined, void> {
      for (const _ of many) {
        clock.work(1)
        yield undefined
      }
    }
    const working = handle(apiVersions, {
      async serve() {
        const mapped = mapInTurns(many, () => clock.work(1), 4)
        const started = startInTurns(many, async () => clock.work(1), 4)
        const inner = mapInTurns(many, () => mapInTurns([1, 2, 3], () => clock.work(1), 2), 4)
        await Promise.all([mapped, started, inner, inTurns(steps())])
        await nextTurn()
        clock.work(100) // of others
        await nextTurn()
        return { errorCode: 0, apiKeys: [] }
      },
      fail: (_request, errorCode) => ({ errorCode }),
    })
    const quotas = { isEnforced: false }
    const rooms = { handlers: [working], clock, logger: silentLogger, quotas } as unknown as Rooms
    const server = new Server(rooms, openAccessFor, { observers: [{ answered: (request) => void told.push(request) }] })
    server.accept(new FakeConnection()).receive(requestBody(apiVersions, 1, {}))
    await until(() => told.length > 0)
    expect(told[0]!.threadMs).toBe(60)
  })
})
