import { describe, expect, it } from 'vitest'
import { apiVersions } from '../../protocol/messages/index.ts'
import type { Rooms } from '../../src/handlers/context.ts'
import { handle } from '../../src/handlers/handler.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { openAccessFor } from '../../src/security/access.ts'
import { Server } from '../../src/server/index.ts'
import { FakeConnection, Gate, requestBody } from './serving.ts'

describe('requests that are not answered', () => {
  it('stop the reading of all connections when they are more than the broker may hold', async () => {
    const gate = new Gate<{ errorCode: number }>()
    const handler = handle(apiVersions, {
      serve: () => gate.pass(),
      fail: (_request, errorCode) => ({ errorCode }),
    })
    const frame = requestBody(apiVersions, 1, {})
    const quotas = { isEnforced: false }
    const rooms = { handlers: [handler], clock: new SimulatedClock(), logger: silentLogger, quotas }
    const server = new Server(rooms as unknown as Rooms, openAccessFor, { maxQueuedBytes: 2 * frame.length })
    const connections = [new FakeConnection(), new FakeConnection(), new FakeConnection()]
    const [first, second, third] = connections.map((connection) => server.accept(connection))
    const paused = () => connections.map(({ isPaused }) => isPaused)
    first!.receive(frame)
    expect(paused()).toEqual([false, false, false])
    second!.receive(frame)
    third!.receive(frame)
    expect(paused()).toEqual([false, true, true])
    gate.calls[0]!.resolve({ errorCode: 0 })
    await settle()
    expect(paused()).toEqual([true, true, true])
    second!.closed()
    expect(paused()).toEqual([false, true, false])
    gate.calls[2]!.resolve({ errorCode: 0 })
    await settle()
    expect(connections[2]!.sent).toHaveLength(1)
  })
})
