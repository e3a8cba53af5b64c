import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { certsCommand } from '../../src/security/certs/command.ts'
import { javaKeyStore } from '../../src/security/tls/java-stores.ts'
import { temporaryDirectory } from '../broker/temporary-directory.ts'

describe('odradek certs', () => {
  it('writes an authority and what it issues, and goes on with it the next time', async () => {
    const directory = await temporaryDirectory()
    const written: string[] = []
    const output = { write: (text: string) => written.push(text) }
    await certsCommand(['--dir', directory, '--host', 'broker.example', '--client', 'alice', '--password', 'p'], output)
    const read = (name: string) => readFileSync(`${directory}/${name}`)
    const authority = new X509Certificate(read('ca.pem'))
    const server = new X509Certificate(read('server.pem'))
    expect(server.checkIssued(authority)).toBe(true)
    expect(server.checkHost('broker.example')).toBeDefined()
    expect(server.checkHost('localhost')).toBeDefined()
    const { certificateChain } = await javaKeyStore(read('client.p12'), 'p', 'p')
    expect(certificateChain.map((pem) => new X509Certificate(pem).subject)[0]).toBe('CN=alice')
    expect(written.join()).toContain(`ssl.keystore.location=${directory}/server.pem`)
    await certsCommand(['--dir', directory], output)
    expect(new X509Certificate(read('ca.pem')).fingerprint256).toBe(authority.fingerprint256)
    expect(new X509Certificate(read('client.pem')).checkIssued(authority)).toBe(true)
  }, 120_000)
})
