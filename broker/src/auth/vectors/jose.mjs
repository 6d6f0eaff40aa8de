// Makes jose.json: npm i jose@5 jsonwebtoken@9 && node jose.mjs > jose.json
// Keys in the forms that other tools write, and one token each, signed by npm's jose.
import crypto from "node:crypto";
import * as jose from "jose";
import jsonwebtoken from "jsonwebtoken";

const out = { keys: {} };
for (const alg of ["EdDSA", "ES256", "ES384", "RS256", "PS256"]) {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true, crv: alg === "EdDSA" ? "Ed25519" : undefined });
  const jwk = await jose.exportJWK(publicKey);
  const kid = await jose.calculateJwkThumbprint(jwk);
  const token = await new jose.SignJWT({ scope: "user:read:chat  chat:write", sid: "s1" })
    .setProtectedHeader({ alg, kid, typ: "JWT" })
    .setSubject("u1").setIssuer("https://issuer.test").setAudience(["a", "edge"])
    .setIssuedAt(1700000000).setNotBefore(1700000000).setExpirationTime(4102444800)
    .sign(privateKey);
  const pkcs8 = await jose.exportPKCS8(privateKey);
  const own = crypto.createPrivateKey(pkcs8);
  const old = { ec: "sec1", rsa: "pkcs1" }[own.asymmetricKeyType];
  out.keys[alg] = {
    kid, jwk, token, pkcs8,
    spki: await jose.exportSPKI(publicKey),
    old: old && own.export({ type: old, format: "pem" }),
  };
}
out.hs256 = jsonwebtoken.sign({ sub: "u1", scopes: ["a", "b"], exp: 4102444800 }, "a shared secret of a fair length", { noTimestamp: true });
out.secp256k1 = crypto.generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey.export({ type: "spki", format: "pem" });
out.rsa1024 = crypto.generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ type: "spki", format: "pem" });
out.encrypted = crypto.generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" });
console.log(JSON.stringify(out, null, 1));
