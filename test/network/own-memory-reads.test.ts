import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { readInto } from '../../src/network/own-memory-reads.ts'

/** Both ends of a connection. */
async function connection(): Promise<{ accepted: Socket; client: Socket }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepting = once(server, 'connection') as Promise<[Socket]>
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  const [accepted] = await accepting
  return { accepted, client }
}

const isPosix = process.platform !== 'win32'

it.runIf(isPosix)('an accepted socket reads into the memory that it is given', async () => {
  const { accepted, client } = await connection()
  const memory = Buffer.alloc(8)
  let text = ''
  let closed = false
  const reading = readInto(accepted, {
    space: () => memory,
    filled: (bytes) => {
      text += memory.toString('latin1', 0, bytes)
      if (text.length === 20) accepted.end()
    },
    closed: () => {
      closed = true
    },
  })
  expect(reading).toEqual({ early: null })
  accepted.resume()
  client.resume().write('twenty bytes in all.')
  await once(accepted, 'close')
  expect(text).toBe('twenty bytes in all.')
  expect(closed).toBe(true)
})

it.runIf(isPosix)('a closed socket holds nothing of who read', async () => {
  const { accepted } = await connection()
  const held = (): unknown[] =>
    Object.getOwnPropertySymbols(accepted)
      .filter((each) => each.description?.startsWith('kBuffer'))
      .map((each) => (accepted as unknown as Record<symbol, unknown>)[each])
  const before = held()
  readInto(accepted, { space: () => Buffer.alloc(8), filled: () => {}, closed: () => {} })
  expect(held()).not.toEqual(before)
  accepted.destroy()
  await once(accepted, 'close')
  expect(held()).toEqual(before)
})
