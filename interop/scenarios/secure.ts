// interop: TLS and every SASL mechanism, each client against one Odradek with listeners of every kind; Java with PKCS#12 and JKS stores.
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose'
import { startOdradek } from './broker.ts'
import { Client, type ClientDescription, type Installed } from './client.ts'
import { assertEqual } from './report.ts'
import { checkClient, eventually, type Run, text } from './run.ts'

/** `directory`: what the scenario may fill. */
export type Place = { root: string; directory: string; installed: Installed; running: { kill(): void }[] }

/** A way to connect, in the words of each client; undefined where it has none. */
type Way = {
  name: string
  listener: Listener
  kafkajs?: object
  'node-rdkafka'?: Record<string, string>
  java?: Record<string, string>
}

const listeners = ['ADMIN', 'TLS', 'MTLS', 'LOGIN', 'TOKENS', 'UNSIGNED'] as const
type Listener = (typeof listeners)[number]

const password = 'changeit'
const java = 'org.apache.kafka.common.security'
const scramUsers = `${java}.scram.ScramLoginModule required user_sam="sam-secret";`

export async function secure(run: Run, surroundings: Place): Promise<void> {
  const directory = `${surroundings.directory}/secure`
  const place = { ...surroundings, directory }
  mkdirSync(directory, { recursive: true })
  const stores = makeStores(place.root, directory)
  const token = await signedToken(directory)
  const broker = await startOdradek(place.root, directory, (reason) => run.report.fail('all', 'secure', reason), {
    settings: brokerSettings(stores, directory),
  })
  place.running.push(broker)
  try {
    const addresses = /ready at (\S+), /.exec(readFileSync(`${directory}/broker.log`, 'utf8'))![1]!.split(',')
    const addressOf = (listener: Listener) => addresses[listeners.indexOf(listener)]!
    await Promise.all(
      run.clients.map(async ({ description }) => {
        for (const way of ways(stores, token)) await tryWay(run, place, description, way, addressOf(way.listener))
      }),
    )
    await tokensByTool(run, place, stores, addressOf)
  } finally {
    await broker.stop()
  }
}

/** Produces and reads what it has produced, with a client of its own. */
async function tryWay(run: Run, place: Place, description: ClientDescription, way: Way, bootstrap: string) {
  const settings = way[description.name as keyof Way] as object | undefined
  if (settings === undefined) return
  await run.report.check(description.name, `goes through ${way.name}`, async () => {
    const client = await startWith(place, description, settings, bootstrap)
    try {
      const topic = `secure-${description.name}-${way.name.replace(/[^A-Za-z0-9]/g, '-')}`
      await client.call('createTopic', { topic, partitions: 1 })
      const records = ['a', 'b'].map((value) => ({ partition: 0, key: null, value: text(value), headers: [] }))
      await client.call('produce', { topic, codec: 'none', records })
      const read = await client.call('consume', { topic, partitions: 1, count: 2 })
      assertEqual(
        read.map(({ value }) => value),
        records.map(({ value }) => value),
        'records',
      )
    } finally {
      await client.close()
    }
  })
}

/** A client with settings of its own, in its own words. */
export async function startWith(
  place: Place,
  description: ClientDescription,
  settings: object,
  bootstrap: string,
): Promise<Client> {
  const withSettings: ClientDescription = {
    ...description,
    command: (installed, address) => {
      const command = description.command(installed, address)
      const allowed = `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://${place.directory}/token.jwt`
      return {
        ...command,
        args: description.name === 'java' ? [allowed, ...command.args] : command.args,
        env: { ...command.env, INTEROP_SETTINGS: JSON.stringify(settings) },
      }
    },
  }
  const client = await Client.start(withSettings, place.installed, bootstrap, place.directory)
  place.running.push(client)
  return client
}

/** With Kafka's own tool: a token is made, and its holder logs in with it; a SCRAM user likewise. */
async function tokensByTool(run: Run, place: Place, stores: Stores, addressOf: (listener: Listener) => string) {
  const client = run.clients.find((one) => one.can('tool'))
  if (client === undefined) return
  await checkClient(run, client, 'ConfigCommand sets a SCRAM password, with which a client logs in', async () => {
    const add = ['--alter', '--entity-type', 'users', '--entity-name', 'tina', '--add-config']
    const args = ['--bootstrap-server', addressOf('ADMIN'), ...add, 'SCRAM-SHA-512=[password=tina-secret]']
    const { exit, stderr } = await client.call('tool', { class: 'kafka.admin.ConfigCommand', args })
    assertEqual(exit, 0, `exit (${stderr})`)
    const login = javaScram('SCRAM-SHA-512', 'tina', 'tina-secret')
    const other = await startWith(
      place,
      client.description,
      { ...javaTls(stores.trustP12, 'PKCS12'), ...login },
      addressOf('LOGIN'),
    )
    await eventually(
      () => other.call('listTopics', {}),
      () => true,
      'topics',
      10_000,
    )
    await other.close()
  })
  await checkClient(run, client, 'DelegationTokenCommand makes a token, with which a client logs in', async () => {
    const config = { ...javaTls(stores.trustP12, 'PKCS12'), ...javaScram('SCRAM-SHA-256', 'sam', 'sam-secret') }
    const file = `${place.directory}/sam.properties`
    writeFileSync(
      file,
      Object.entries(config)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
    const args = [
      '--bootstrap-server',
      addressOf('LOGIN'),
      '--command-config',
      file,
      '--create',
      '--max-life-time-period',
      '-1',
    ]
    const made = await client.call('tool', { class: 'org.apache.kafka.tools.DelegationTokenCommand', args })
    const [tokenId, hmac] = /^(\S{22})\s+(\S+==?)\s/m.exec(made.stdout)?.slice(1) ?? []
    if (tokenId === undefined || hmac === undefined) throw new Error(`no token in: ${made.stdout} ${made.stderr}`)
    const login = javaScram('SCRAM-SHA-256', tokenId, hmac, ' tokenauth="true"')
    const other = await startWith(
      place,
      client.description,
      { ...javaTls(stores.trustP12, 'PKCS12'), ...login },
      addressOf('LOGIN'),
    )
    await other.call('listTopics', {})
    await other.close()
  })
}

// --- what each side is told

type Stores = { certs: string; serverJks: string; trustJks: string; trustP12: string }

/** `odradek certs`, and what keytool makes of them; without keytool the stores of Java are left out by Java's absence. */
function makeStores(root: string, directory: string): Stores {
  const certs = `${directory}/certs`
  command(process.execPath, [`${root}/dist/main.cjs`, 'certs', '--dir', certs, '--password', password])
  const stores = {
    certs,
    serverJks: `${directory}/server.jks`,
    trustJks: `${directory}/trust.jks`,
    trustP12: `${directory}/trust.p12`,
  }
  const source = ['-srckeystore', `${certs}/server.p12`, '-srcstorepass', password]
  const target = ['-destkeystore', stores.serverJks, '-deststoretype', 'JKS', '-deststorepass', password]
  command('keytool', ['-importkeystore', '-noprompt', ...source, ...target])
  for (const [path, type] of [
    [stores.trustJks, 'JKS'],
    [stores.trustP12, 'PKCS12'],
  ] as const) {
    const trusted = ['-importcert', '-noprompt', '-alias', 'ca', '-file', `${certs}/ca.pem`]
    command('keytool', [...trusted, '-keystore', path, '-storetype', type, '-storepass', password])
  }
  return stores
}

/** Runs it to its end. @throws Error if that is not 0 */
export function command(file: string, args: string[]): void {
  const { status, stderr, error } = spawnSync(file, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${file} failed: ${error?.message ?? stderr}`)
}

async function signedToken(directory: string): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }]
  writeFileSync(`${directory}/jwks.json`, JSON.stringify({ keys }))
  const token = await new SignJWT({ sub: 'olga', aud: 'kafka' })
    .setProtectedHeader({ alg: 'RS256', kid: 'k' })
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey)
  writeFileSync(`${directory}/token.jwt`, token)
  return token
}

function brokerSettings({ certs, serverJks, trustJks }: Stores, directory: string): string[] {
  const protocols = ['PLAINTEXT', 'SSL', 'SSL', 'SASL_SSL', 'SASL_SSL', 'SASL_PLAINTEXT']
  const pem = (listener: string) => [
    `listener.name.${listener}.ssl.keystore.type=PEM`,
    `listener.name.${listener}.ssl.keystore.location=${certs}/server.pem`,
  ]
  const jaas = (mechanism: string, value: string) => `listener.name.login.${mechanism}.sasl.jaas.config=${value}`
  return [
    `listeners=${listeners.map((name) => `${name}://localhost:0`).join(',')}`,
    `listener.security.protocol.map=CONTROLLER:PLAINTEXT,${listeners.map((name, index) => `${name}:${protocols[index]}`).join(',')}`,
    'inter.broker.listener.name=ADMIN',
    'listener.name.tls.ssl.keystore.type=JKS',
    `listener.name.tls.ssl.keystore.location=${serverJks}`,
    `listener.name.tls.ssl.keystore.password=${password}`,
    'listener.name.mtls.ssl.keystore.type=PKCS12',
    `listener.name.mtls.ssl.keystore.location=${certs}/server.p12`,
    `listener.name.mtls.ssl.keystore.password=${password}`,
    'listener.name.mtls.ssl.truststore.type=JKS',
    `listener.name.mtls.ssl.truststore.location=${trustJks}`,
    `listener.name.mtls.ssl.truststore.password=${password}`,
    'listener.name.mtls.ssl.client.auth=required',
    ...pem('login'),
    ...pem('tokens'),
    'listener.name.login.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    jaas('plain', `${java}.plain.PlainLoginModule required user_paul="paul-secret";`),
    jaas('scram-sha-256', scramUsers),
    jaas('scram-sha-512', scramUsers),
    'delegation.token.secret.key=interop',
    'listener.name.tokens.sasl.enabled.mechanisms=OAUTHBEARER',
    `sasl.oauthbearer.jwks.endpoint.url=file://${directory}/jwks.json`,
    'sasl.oauthbearer.expected.audience=kafka',
    'listener.name.unsigned.sasl.enabled.mechanisms=OAUTHBEARER',
    `listener.name.unsigned.oauthbearer.sasl.server.callback.handler.class=${java}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`,
  ]
}

function javaTls(truststore: string, type: string): Record<string, string> {
  return {
    'security.protocol': 'SSL',
    'ssl.truststore.type': type,
    'ssl.truststore.location': truststore,
    'ssl.truststore.password': password,
  }
}

function javaScram(mechanism: string, user: string, secret: string, more = ''): Record<string, string> {
  return {
    'security.protocol': 'SASL_SSL',
    'sasl.mechanism': mechanism,
    'sasl.jaas.config': `${java}.scram.ScramLoginModule required username="${user}" password="${secret}"${more};`,
  }
}

function ways(stores: Stores, token: string): Way[] {
  const { certs, trustJks, trustP12 } = stores
  const ca = readFileSync(`${certs}/ca.pem`, 'utf8')
  const client = readFileSync(`${certs}/client.pem`, 'utf8')
  const rdTls = { 'security.protocol': 'ssl', 'ssl.ca.location': `${certs}/ca.pem` }
  const login = (mechanism: string, user: string): Omit<Way, 'name' | 'listener'> => ({
    kafkajs: { ssl: { ca }, sasl: { mechanism: mechanism.toLowerCase(), username: user, password: `${user}-secret` } },
    'node-rdkafka': {
      ...rdTls,
      'security.protocol': 'sasl_ssl',
      'sasl.mechanisms': mechanism,
      'sasl.username': user,
      'sasl.password': `${user}-secret`,
    },
  })
  const module = `${java}.oauthbearer.OAuthBearerLoginModule required`
  const unsigned = new UnsecuredJWT({ sub: 'olga' }).setIssuedAt().setExpirationTime('1h').encode()
  const plainLogin = `${java}.plain.PlainLoginModule required username="paul" password="paul-secret";`
  return [
    {
      name: 'TLS, a JKS store',
      listener: 'TLS',
      kafkajs: { ssl: { ca } },
      'node-rdkafka': rdTls,
      java: javaTls(trustJks, 'JKS'),
    },
    {
      name: 'TLS with certificates of both, PKCS#12 stores',
      listener: 'MTLS',
      kafkajs: { ssl: { ca, cert: client, key: client } },
      'node-rdkafka': {
        ...rdTls,
        'ssl.certificate.location': `${certs}/client.pem`,
        'ssl.key.location': `${certs}/client.pem`,
      },
      java: {
        ...javaTls(trustP12, 'PKCS12'),
        'ssl.keystore.type': 'PKCS12',
        'ssl.keystore.location': `${certs}/client.p12`,
        'ssl.keystore.password': password,
      },
    },
    {
      name: 'PLAIN',
      listener: 'LOGIN',
      ...login('PLAIN', 'paul'),
      java: {
        ...javaTls(trustP12, 'PKCS12'),
        'security.protocol': 'SASL_SSL',
        'sasl.mechanism': 'PLAIN',
        'sasl.jaas.config': plainLogin,
      },
    },
    ...['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
      (mechanism): Way => ({
        name: mechanism,
        listener: 'LOGIN',
        ...login(mechanism, 'sam'),
        java: { ...javaTls(trustP12, 'PKCS12'), ...javaScram(mechanism, 'sam', 'sam-secret') },
      }),
    ),
    {
      name: 'OAUTHBEARER with a signed token',
      listener: 'TOKENS',
      kafkajs: { ssl: { ca }, sasl: { mechanism: 'oauthbearer' }, token },
      java: {
        ...javaTls(trustP12, 'PKCS12'),
        'security.protocol': 'SASL_SSL',
        'sasl.mechanism': 'OAUTHBEARER',
        'sasl.jaas.config': `${module};`,
        'sasl.login.callback.handler.class': `${java}.oauthbearer.OAuthBearerLoginCallbackHandler`,
        'sasl.oauthbearer.token.endpoint.url': `file://${certs.replace(/certs$/, '')}token.jwt`,
      },
    },
    {
      name: 'OAUTHBEARER with an unsigned token',
      listener: 'UNSIGNED',
      kafkajs: { sasl: { mechanism: 'oauthbearer' }, token: unsigned },
      'node-rdkafka': {
        'security.protocol': 'sasl_plaintext',
        'sasl.mechanisms': 'OAUTHBEARER',
        'enable.sasl.oauthbearer.unsecure.jwt': 'true',
        'sasl.oauthbearer.config': 'principal=olga',
      },
      java: {
        'security.protocol': 'SASL_PLAINTEXT',
        'sasl.mechanism': 'OAUTHBEARER',
        'sasl.jaas.config': `${module} unsecuredLoginStringClaim_sub="olga";`,
      },
    },
  ]
}
