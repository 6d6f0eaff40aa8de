import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { after, test } from "node:test";
import { authService, settings } from "./server.mjs";

const running = [];
after(() => running.forEach((server) => server.close()));

/** A service with these variables, and a clock that the test moves. */
async function start(env = {}) {
  const clock = { now: 1_800_000_000 };
  const server = authService(settings({ ALLOWED_ORIGINS: "http://page", ...env }), () => clock.now);
  running.push(server);
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const ask = async (method, path, body, headers = {}) => {
    const response = await fetch(origin + path, { method, body, headers });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text && JSON.parse(text) };
  };
  return {
    clock,
    ask,
    login: (body) => ask("POST", "/login", JSON.stringify(body)),
    keys: async () => (await ask("GET", "/.well-known/jwks.json")).body.keys,
  };
}

/** The claims, if one of the keys signed the token. */
function claims(token, keys) {
  const [header, payload, signature] = token.split(".");
  const { alg, kid } = JSON.parse(Buffer.from(header, "base64url"));
  const jwk = keys.find((key) => key.kid === kid && key.alg === alg);
  assert(jwk, "the key is published");
  const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" };
  const digest = alg === "ES256" ? "sha256" : null;
  const data = Buffer.from(`${header}.${payload}`);
  assert(verify(digest, data, key, Buffer.from(signature, "base64url")), "the signature is good");
  return JSON.parse(Buffer.from(payload, "base64url"));
}

for (const ALGORITHM of ["EdDSA", "ES256"]) {
  test(`a login yields a token that the ${ALGORITHM} keys verify`, async () => {
    const service = await start({ ALGORITHM, ISSUER: "us", AUDIENCE: "them", SCOPES: "a b" });
    const { status, body } = await service.login({ user: "ann" });
    assert.equal(status, 200);
    assert.equal(body.expires_in, 900);
    const { jti, ...rest } = claims(body.token, await service.keys());
    const { now } = service.clock;
    const times = { iat: now, exp: now + 900 };
    assert.deepEqual(rest, { iss: "us", aud: "them", sub: "ann", scopes: ["a", "b"], ...times });
    assert.match(jti, /^[0-9a-f-]{36}$/);
  });
}

test("no private member is published", async () => {
  for (const ALGORITHM of ["EdDSA", "ES256"]) {
    for (const key of await (await start({ ALGORITHM })).keys()) assert(!("d" in key));
  }
});

test("after a rotation old tokens verify until they expire, and new ones have a new key", async () => {
  const service = await start({ TOKEN_TTL: "60" });
  const before = await service.keys();
  const old = (await service.login({ user: "ann" })).body.token;
  const { body } = await service.ask("POST", "/rotate");
  const young = (await service.login({ user: "ann" })).body.token;
  assert.equal(JSON.parse(Buffer.from(young.split(".")[0], "base64url")).kid, body.kid);
  assert(before.some((key) => key.kid === body.kid), "the next key was known before");
  const keys = await service.keys();
  for (const token of [old, young]) assert.equal(claims(token, keys).sub, "ann");
  service.clock.now += 60;
  assert.throws(() => claims(old, []), /published/);
  const left = await service.keys();
  assert(!left.some((key) => key.kid === before[0].kid), "the retired key is gone");
});

test("rotations are bounded by what living tokens need", async () => {
  const service = await start({ TOKEN_TTL: "60" });
  for (let turn = 0; turn < 16; turn++) {
    assert.equal((await service.ask("POST", "/rotate")).status, 200);
  }
  const { status, body } = await service.ask("POST", "/rotate");
  assert.deepEqual([status, body.error.code], [429, "too-many-keys"]);
  service.clock.now += 60;
  assert.equal((await service.ask("POST", "/rotate")).status, 200);
});

test("a rotation needs the bearer token if one is set", async () => {
  const service = await start({ ROTATE_TOKEN: "secret" });
  assert.equal((await service.ask("POST", "/rotate")).status, 401);
  const headers = { authorization: "Bearer secret" };
  assert.equal((await service.ask("POST", "/rotate", undefined, headers)).status, 200);
});

test("a shorter life may be asked for, a longer one not", async () => {
  const service = await start();
  const { token } = (await service.login({ user: "ann", expires_in: 5 })).body;
  assert.equal(claims(token, await service.keys()).exp, service.clock.now + 5);
  for (const expires_in of [0, 901, 1.5, "5", null]) {
    const { status, body } = await service.login({ user: "ann", expires_in });
    assert.deepEqual([status, body.error.code], [400, "bad-expires-in"]);
  }
});

test("what is no login is refused by name", async () => {
  const service = await start();
  for (const user of [undefined, "", "  ", 7, null, "a\nb", "x".repeat(65)]) {
    const { status, body } = await service.login({ user });
    assert.deepEqual([status, body.error.code], [400, "bad-user"], String(user));
  }
  for (const text of ["", "{", "7", "null"]) {
    const { status, body } = await service.ask("POST", "/login", text);
    assert.deepEqual([status, body.error.code], [400, "bad-body"], text);
  }
  const large = await service.ask("POST", "/login", "x".repeat(5000));
  assert.deepEqual([large.status, large.body.error.code], [413, "too-large"]);
  assert.equal((await service.ask("GET", "/login")).status, 404);
});

test("only the page's origin may read an answer", async () => {
  const service = await start();
  const allowed = async (origin) => {
    const { headers } = await service.ask("POST", "/login", '{"user":"ann"}', { origin });
    assert.equal(headers.get("vary"), "Origin");
    return headers.get("access-control-allow-origin");
  };
  assert.equal(await allowed("http://page"), "http://page");
  assert.equal(await allowed("http://elsewhere"), null);
  const asked = { origin: "http://page", "access-control-request-method": "POST" };
  const { status, headers } = await service.ask("OPTIONS", "/login", undefined, asked);
  assert.equal(status, 204);
  assert.equal(headers.get("access-control-allow-headers"), "content-type");
});

test("wrong settings are named", () => {
  assert.throws(() => settings({ PORT: "70000" }), /PORT=70000/);
  assert.throws(() => settings({ TOKEN_TTL: "0" }), /TOKEN_TTL=0/);
  assert.throws(() => authService(settings({ ALGORITHM: "none" })), /ALGORITHM=none/);
});
