import { describe, expect, it } from 'vitest'
import { apiVersions } from '../../protocol/messages/index.ts'
import type { Rooms } from '../../src/handlers/context.ts'
import { handle } from '../../src/handlers/handler.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { openAccessFor } from '../../src/security/access.ts'
import { Server } from '../../src/server/index.ts'
import type { AnsweredRequest } from '../../src/server/request-observer.ts'
import { FakeConnection, requestBody } from './serving.ts'

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
})
