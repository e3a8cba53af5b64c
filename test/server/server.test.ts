import { afterEach, describe, expect, it } from 'vitest'
import { heartbeat } from '../../protocol/messages/index.ts'
import { handle } from '../../src/handlers/handler.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { maxCloseMs } from '../../src/server/index.ts'
import { until } from '../network/raw-client.ts'
import { request, Serving } from './serving.ts'

let serving: Serving

afterEach(() => serving.stop())

const beat = { groupId: 'g', generationId: 1, memberId: 'm' }

describe('closing the server', () => {
  it('ends parked requests with their connections', async () => {
    const parked = handle(heartbeat, {
      serve: (_asked, { connection }) => new Promise((resolve) => connection.onClose(() => resolve({ errorCode: 0 }))),
      fail: () => ({}),
    })
    serving = await new Serving([parked]).start()
    const clients = [await serving.connect(), await serving.connect()]
    for (const client of clients) client.send(request(heartbeat, 0, beat))
    await until(() => serving.server.pendingRequests === 2)
    await serving.server.close()
    expect(serving.server.pendingRequests).toBe(0)
    for (const client of clients) expect(await client.closed()).toHaveLength(0)
    expect(serving.lines).toEqual([])
  })

  it('does not wait longer than its limit for a request that does not end', async () => {
    const clock = new SimulatedClock()
    const stuck = handle(heartbeat, { serve: () => new Promise(() => {}), fail: () => ({}) })
    serving = await new Serving([stuck], clock).start()
    const client = await serving.connect()
    client.send(request(heartbeat, 0, beat))
    await until(() => serving.server.pendingRequests === 1)
    let isClosed = false
    const closing = serving.server.close().then(() => {
      isClosed = true
    })
    await client.closed()
    await clock.advance(maxCloseMs - 1)
    expect(isClosed).toBe(false)
    await clock.advance(1)
    await closing
    expect(maxCloseMs).toBeLessThan(1000)
    serving.stop = () => serving.listener.close()
  })

  it('serves no connection that comes after it', async () => {
    serving = await new Serving([]).start()
    await serving.server.close()
    await (await serving.connect()).closed()
  })
})
