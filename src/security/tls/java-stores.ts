/** security: what Java's stores hold, PKCS#12 and JKS. The libraries that read them are loaded for the first store there is. */
import type { pkcs12 } from 'node-forge'
import { ConfigError } from '../../config/index.ts'
import { certificateFromDer, chainFor, type KeyMaterial } from './key-material.ts'

interface StoreContent {
  readonly keys: readonly { readonly key: string; readonly certificates: readonly string[] }[]
  readonly trusted: readonly string[]
}

/** How JKS begins. Java reads either format whichever type is named. */
const jksMagic = 0xfeedfeed

/** The first key. @throws ConfigError for another password, or a store without one */
export async function javaKeyStore(bytes: Buffer, password: string, keyPassword: string): Promise<KeyMaterial> {
  const { keys } = await open(bytes, password, keyPassword)
  const [first] = keys
  if (first === undefined) throw new ConfigError('there is no private key in it')
  return { key: first.key, certificateChain: chainFor(first.key, first.certificates) }
}

/** @throws ConfigError for another password, or a store without any */
export async function javaTrustStore(bytes: Buffer, password: string): Promise<readonly string[]> {
  const { trusted } = await open(bytes, password)
  if (trusted.length === 0) throw new ConfigError('there is no trusted certificate in it')
  return trusted
}

/** @param keyPassword absent: keys are not opened */
function open(bytes: Buffer, password: string, keyPassword?: string): Promise<StoreContent> {
  return bytes.length >= 4 && bytes.readUInt32BE(0) === jksMagic
    ? openJks(bytes, password, keyPassword)
    : openPkcs12(bytes, password)
}

async function openJks(bytes: Buffer, password: string, keyPassword: string | undefined): Promise<StoreContent> {
  const { default: jks } = await import('jks-js')
  const entries = opened(() => jks.parseJks(bytes, password))
  const keys: { key: string; certificates: string[] }[] = []
  const trusted: string[] = []
  for (const entry of entries) {
    if ('cert' in entry) trusted.push(certificateFromDer(entry.cert.value))
    else {
      const certificates = entry.chain.map(({ value }) => certificateFromDer(value))
      trusted.push(...certificates.slice(0, 1))
      if (keyPassword === undefined) continue
      keys.push({ key: opened(() => jks.decrypt(entry.protectedPrivateKey, keyPassword)), certificates })
    }
  }
  return { keys, trusted }
}

async function openPkcs12(bytes: Buffer, password: string): Promise<StoreContent> {
  const { default: forge } = await import('node-forge')
  const { asn1, pki } = forge
  const pem = (type: string, body: string): string => forge.pem.encode({ type, body, procType: undefined } as never)
  const store = opened(() => forge.pkcs12.pkcs12FromAsn1(asn1.fromDer(bytes.toString('latin1')), password))
  const bags = store.safeContents.flatMap(({ safeBags }) => safeBags)
  const ofType = (...types: (string | undefined)[]): pkcs12.Bag[] => bags.filter(({ type }) => types.includes(type))
  const trusted = ofType(pki.oids.certBag).map((bag) => {
    const certificate = bag.cert === undefined || bag.cert === null ? bag.asn1 : pki.certificateToAsn1(bag.cert)
    return certificateFromDer(Buffer.from(asn1.toDer(certificate).getBytes(), 'latin1'))
  })
  const keys = ofType(pki.oids.keyBag, pki.oids.pkcs8ShroudedKeyBag).map((bag) => {
    const info =
      bag.key === undefined || bag.key === null ? bag.asn1 : pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(bag.key))
    return { key: pem('PRIVATE KEY', asn1.toDer(info).getBytes()), certificates: trusted }
  })
  return { keys, trusted }
}

/** What the libraries say when they can't read a store holds nothing of its content. */
function opened<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new ConfigError(`it can't be opened: ${(error as Error).message.split('\n')[0]}`)
  }
}
