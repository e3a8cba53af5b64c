/** test: connections that say nothing. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const atATime = 100

/** @throws Error of the first that is refused */
export async function openIdle(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const opened = Array.from({ length: Math.min(atATime, count - sockets.length) }, async () => {
      const socket = connect({ port, host: '127.0.0.1' })
      await once(socket, 'connect')
      return socket.on('error', () => {}).resume()
    })
    sockets.push(...(await Promise.all(opened)))
  }
  return sockets
}

/** Whether the other side has closed all of them within `maxMs`. */
export async function allClosed(sockets: readonly Socket[], maxMs: number): Promise<boolean> {
  const ends = sockets.map((socket) => socket.closed || new Promise((resolve) => socket.once('close', resolve)))
  const isTooLate = delay(maxMs, false, { ref: false })
  return Promise.race([Promise.all(ends).then(() => true), isTooLate])
}
