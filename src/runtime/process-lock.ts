/**
 * runtime: an exclusive lock that lives exactly as long as its process, without native code: a listening Unix-domain socket
 * at the lock's path. A connection that is taken means that the holder lives; one that is refused, that only the name is left.
 *
 * To take the lock, a socket listens under a name of its own and is then hard-linked to the lock's name, which only one
 * can do. A dead holder's name is removed under a second lock of the same kind, so that nobody removes a fresh one.
 */
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'

/** The kernel's sun_path without its closing zero: 107 bytes on Linux, 103 elsewhere. */
const longestSocketPath = process.platform === 'linux' ? 107 : 103
/** What bind and link answer on volumes that hold no sockets (some container mounts) or no hard links. */
const unsupported = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EINVAL', 'ENOSYS', 'EACCES'])
const attempts = 20

export type Release = () => Promise<void>

/** @throws Error with code ELOCKED when a living process (this one too) holds it. */
export async function acquireProcessLock(lockPath: string): Promise<Release> {
  if (process.platform === 'win32') return await lockByPipe(lockPath)
  try {
    return await lockInDirectory(path.dirname(lockPath), path.basename(lockPath))
  } catch (error) {
    if (!unsupported.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    return await lockInDirectory(os.tmpdir(), `odradek-${hashOf(fs.realpathSync(path.dirname(lockPath)))}.lock`)
  }
}

function locked(lockPath: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`ELOCKED: ${lockPath} is held by another process`), { code: 'ELOCKED' })
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** Pipes vanish with their process and their names are exclusive: nothing can be stale. */
async function lockByPipe(lockPath: string): Promise<Release> {
  try {
    const server = await listen(`\\\\.\\pipe\\odradek-${hashOf(path.resolve(lockPath))}`)
    return () => closed(server)
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? locked(lockPath) : error
  }
}

async function lockInDirectory(directory: string, name: string): Promise<Release> {
  const addresses = new SocketAddresses(directory)
  try {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const server = await claim(addresses, directory, name)
      if (server !== undefined) return () => release(server, path.join(directory, name))
      if (await isAlive(addresses.of(name))) throw locked(path.join(directory, name))
      await removeStale(addresses, directory, name)
    }
    throw locked(path.join(directory, name))
  } finally {
    addresses.close()
  }
}

/** Undefined when the name is taken, by a living process or a dead one. */
async function claim(addresses: SocketAddresses, directory: string, name: string): Promise<net.Server | undefined> {
  const own = `${name}.${randomBytes(6).toString('hex')}`
  const server = await listen(addresses.of(own))
  try {
    fs.linkSync(path.join(directory, own), path.join(directory, name))
    return server
  } catch (error) {
    await closed(server)
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return undefined
  } finally {
    fs.rmSync(path.join(directory, own), { force: true })
  }
}

async function removeStale(addresses: SocketAddresses, directory: string, name: string): Promise<void> {
  const guard = `${name}.takeover`
  const server = await claim(addresses, directory, guard)
  if (server === undefined) {
    // Somebody else is removing it, or died in the few microseconds of doing so.
    if (!(await isAlive(addresses.of(guard)))) fs.rmSync(path.join(directory, guard), { force: true })
    return
  }
  try {
    if (!(await isAlive(addresses.of(name)))) fs.rmSync(path.join(directory, name), { force: true })
  } finally {
    await release(server, path.join(directory, guard))
  }
}

async function release(server: net.Server, lockPath: string): Promise<void> {
  fs.rmSync(lockPath, { force: true })
  await closed(server)
}

function listen(address: string): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => socket.destroy())
    server.once('error', reject)
    server.listen({ path: address, exclusive: true }, () => {
      server.unref()
      resolve(server)
    })
  })
}

function closed(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

function isAlive(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ path: address })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // A full backlog (EAGAIN) or a foreign owner's socket (EACCES) belongs to somebody.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT' && error.code !== 'ENOTSOCK'),
    )
  })
}

/** Addresses of sockets in a directory; through the directory's descriptor where the path is too long for the kernel. */
class SocketAddresses {
  readonly #directory: string
  #descriptor: number | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  of(name: string): string {
    const direct = path.join(this.#directory, name)
    // The longest name made from this one has 22 characters more; all must go the same way.
    if (Buffer.byteLength(direct) + 22 <= longestSocketPath) return direct
    if (process.platform !== 'linux') {
      throw Object.assign(new Error(`ENOTSUP: ${direct} is too long for a socket`), { code: 'ENOTSUP' })
    }
    this.#descriptor ??= fs.openSync(this.#directory, 'r')
    return `/proc/self/fd/${this.#descriptor}/${name}`
  }

  close(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor)
  }
}
