/** security: `odradek certs`: writes a development CA and certificates into a directory, and says what to set. */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { realClock } from '../../runtime/clock.ts'
import { nodeFileSystem } from '../../runtime/node-file-system.ts'
import { realRandom } from '../../runtime/random.ts'
import { CertificateAuthority, type Identity } from './development-certificates.ts'

const help = `Makes certificates to try TLS out with, not to protect anything: a CA, one for brokers and one for clients.

  odradek certs [--dir DIR] [--host NAME ...] [--client NAME] [--password PASSWORD]

  --dir DIR            where to put them (./odradek-certs); a CA that is there already goes on
  --host NAME          a name or address that brokers are reached by, besides localhost; may be repeated
  --client NAME        the client's name, CN= of its certificate (client)
  --password PASSWORD  of the PKCS#12 stores (changeit)

  ca.pem, ca-key.pem       the CA: what clients and brokers trust, and what more certificates are made with
  server.pem, server.p12   key and certificates for ssl.keystore.location
  client.pem, client.p12   the same for a client (mutual TLS)
`

const flags = {
  dir: { type: 'string', default: 'odradek-certs' },
  host: { type: 'string', multiple: true },
  client: { type: 'string', default: 'client' },
  password: { type: 'string', default: 'changeit' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Output {
  write(text: string): unknown
}

/** @throws Error with one line for wrong flags, or a directory that can't be written */
export async function certsCommand(args: readonly string[], output: Output): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: flags })
  if (values.help) {
    output.write(help)
    return
  }
  const directory = resolve(values.dir)
  await nodeFileSystem.makeDirectory(directory)
  const authority = await CertificateAuthority.open(
    { clock: realClock, random: realRandom },
    await earlierAuthority(directory),
  )
  const hosts = [...new Set(['localhost', ...(values.host ?? []), '127.0.0.1', '::1'])]
  await write(directory, 'ca.pem', authority.identity.certificate)
  await write(directory, 'ca-key.pem', authority.identity.key)
  const names = [
    ['server', await authority.issue({ name: values.host?.[0] ?? 'localhost', hosts })],
    ['client', await authority.issue({ name: values.client })],
  ] as const
  for (const [name, identity] of names) {
    await write(directory, `${name}.pem`, identity.key + identity.certificate + authority.identity.certificate)
    await write(directory, `${name}.p12`, authority.pkcs12(identity, values.password))
  }
  output.write(`Wrote ca.pem, ca-key.pem, server.pem, server.p12, client.pem and client.p12 to ${directory}

A broker with TLS, which asks clients for a certificate:

  listeners=SSL://localhost:9093
  security.inter.broker.protocol=SSL
  ssl.keystore.type=PEM
  ssl.keystore.location=${join(directory, 'server.pem')}
  ssl.truststore.type=PEM
  ssl.truststore.location=${join(directory, 'ca.pem')}
  ssl.client.auth=required

A client: security.protocol=SSL and the same four lines with client.pem (without it where ssl.client.auth is not set).
`)
}

async function earlierAuthority(directory: string): Promise<Identity | undefined> {
  const [certificate, key] = [join(directory, 'ca.pem'), join(directory, 'ca-key.pem')]
  if (!(await nodeFileSystem.exists(certificate)) || !(await nodeFileSystem.exists(key))) return undefined
  const text = async (path: string): Promise<string> => (await nodeFileSystem.readFile(path)).toString('utf8')
  return { certificate: await text(certificate), key: await text(key) }
}

async function write(directory: string, name: string, content: string | Buffer): Promise<void> {
  await nodeFileSystem.replaceFile(join(directory, name), content)
}
