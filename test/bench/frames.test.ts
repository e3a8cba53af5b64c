/** bench: load by frames that are sent again and again. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { FrameConnection } from '../../bench/frames.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A server that does as told with each piece of data that comes. */
async function connected(serve: (socket: Socket, received: number) => void): Promise<FrameConnection> {
  let received = 0
  const server = createServer((socket) =>
    socket.on('data', (data) => {
      received += data.length
      serve(socket, received)
    }),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connection = await FrameConnection.open((server.address() as AddressInfo).port)
  closing.push(
    () => connection.close(),
    () => server.close(),
  )
  return connection
}

const answer = (bytes: number, errorCode = 0): Buffer => {
  const frame = Buffer.alloc(4 + bytes)
  frame.writeInt32BE(bytes)
  frame.writeInt16BE(errorCode, 8)
  return frame
}
const frameBytes = 10
const frames = [Buffer.alloc(frameBytes)]
const errorAt = 4

describe('a connection for load', () => {
  it('counts the bytes of answers, however they are cut', async () => {
    let isAnswered = false
    const connection = await connected((socket, received) => {
      if (isAnswered || received < 3 * frameBytes) return
      isAnswered = true
      const all = Buffer.concat([answer(6), answer(2000), answer(8)])
      for (const end of [2, 5, 11, 700, 2015, all.length].map(
        (at, index, cuts) => [cuts[index - 1] ?? 0, at] as const,
      )) {
        socket.write(all.subarray(...end))
      }
    })
    expect(await connection.send(frames, 3, 3, errorAt)).toBe(2014)
  })

  it('has no more on their way than it may', async () => {
    const lengths: number[] = []
    const connection = await connected((socket, received) => {
      lengths.push(received)
      socket.write(answer(6))
    })
    await connection.send(frames, 3, 1)
    expect(lengths).toEqual([10, 20, 30])
  })

  it('fails when a request does, or the connection ends', async () => {
    const refused = await connected((socket) => socket.write(answer(6, 7)))
    await expect(refused.send(frames, 1, 1, errorAt)).rejects.toThrow('answered with error 7')
    const ended = await connected((socket) => socket.end())
    await expect(ended.send(frames, 1, 1)).rejects.toThrow('closed the connection')
  })
})
