/** network: the room's public face. */
export { type FrameConnection, type FrameReceiver, maxUnsentBytes } from './frame-connection.ts'
export { BindError, Listener, type ListenerSettings } from './listener.ts'
export type { TlsSettings } from './tls-handshakes.ts'
