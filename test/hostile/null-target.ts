/**
 * test: a server in the place of the broker, in a process of its own, that closes each connection as soon as it has said something: shows what the
 * attack itself takes of the machine. Says its port.
 */
import { type AddressInfo, createServer } from 'node:net'

const server = createServer((socket) => {
  socket.on('error', () => {})
  socket.once('data', () => socket.destroy())
})
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
