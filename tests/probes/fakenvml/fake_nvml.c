/* fake_nvml.c - a scenario-driven stand-in for libnvidia-ml.so.1, written from
 * the public NVML ABI (function names, argument order, struct layouts) so that
 * the REAL nvidia-ml-py ctypes path runs on a machine without a GPU.
 *
 * Scenario: text file named by $FAKE_NVML_SCENARIO, re-read at every nvmlInit*.
 *   driver=580.65.06            cuda=13000           init_error=18
 *   device.0.name=NVIDIA ...    device.0.mem.total=...
 *   device.0.error.nvmlDeviceGetMemoryInfo=15        (NVML return code)
 *   device.0.mig.1.mem.total=...                     (MIG child)
 * A value that is absent answers NVML_ERROR_NOT_SUPPORTED (3), as drivers do.
 *
 * What it proves is our handling of the documented ABI and of scenarios we wrote.
 * It cannot show what a driver really answers.
 * -DFAKE_NVML_OLD_DRIVER leaves out symbols that old drivers lack
 * (MemoryInfo_v2, *_v3 process calls, bus width, MIG, addressing mode).
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))
enum { OK = 0, UNINIT = 1, BADARG = 2, NOSUP = 3, NOTFOUND = 6, SMALL = 7,
       VERMIS = 25 };
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int ret_t;

#define MAXKV 4096
#define MAXDEV 32
#define MAXMIG 16
static struct { char k[128]; char v[256]; } kv[MAXKV];
static int nkv, refs;
typedef struct dev { char prefix[48]; int parent, index, mig; } dev_t_;
typedef dev_t_ *H;
static dev_t_ devs[MAXDEV], migs[MAXDEV][MAXMIG];

static const char *look(const char *key) {
    for (int i = 0; i < nkv; i++) if (!strcmp(kv[i].k, key)) return kv[i].v;
    return NULL;
}
static const char *lookh(H h, const char *key) {
    char b[192];
    snprintf(b, sizeof b, "%s.%s", h->prefix, key);
    return look(b);
}
static void load(void) {
    nkv = 0;
    const char *p = getenv("FAKE_NVML_SCENARIO");
    FILE *f = p ? fopen(p, "r") : NULL;
    if (!f) return;
    char line[512];
    while (nkv < MAXKV && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!line[0] || line[0] == '#') continue;
        char *eq = strchr(line, '=');
        if (!eq) continue;
        *eq = 0;
        size_t lk = strlen(line), lv = strlen(eq + 1);
        if (lk >= sizeof kv[nkv].k || lv >= sizeof kv[nkv].v) {
            fprintf(stderr, "fake_nvml: key or value too long: %.40s...\n", line);
            abort();
        }
        memcpy(kv[nkv].k, line, lk + 1);
        memcpy(kv[nkv].v, eq + 1, lv + 1);
        nkv++;
    }
    fclose(f);
    for (int i = 0; i < MAXDEV; i++) {
        snprintf(devs[i].prefix, sizeof devs[i].prefix, "device.%d", i);
        devs[i].index = i; devs[i].parent = -1; devs[i].mig = 0;
        for (int j = 0; j < MAXMIG; j++) {
            snprintf(migs[i][j].prefix, sizeof migs[i][j].prefix,
                     "device.%d.mig.%d", i, j);
            migs[i][j].index = j; migs[i][j].parent = i; migs[i][j].mig = 1;
        }
    }
}
static int ndev(void) { const char *v = look("count"); if (v) return atoi(v);
    int n = 0; char b[64];
    for (; n < MAXDEV; n++) { snprintf(b, sizeof b, "device.%d.name", n); if (!look(b)) break; }
    return n; }

/* injected failure, optional artificial latency ("slow" drivers / hangs) */
static ret_t inj(H h, const char *fn) {
    if (!refs) return UNINIT;
    char b[128]; const char *v;
    snprintf(b, sizeof b, "delay_ms.%s", fn);
    if ((v = h ? lookh(h, b) : look(b))) {
        long ms = atol(v); struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };
        nanosleep(&t, NULL);
    }
    snprintf(b, sizeof b, "error.%s", fn);
    if ((v = h ? lookh(h, b) : look(b))) return atoi(v);
    if (h && (v = lookh(h, "error.all"))) return atoi(v);
    return OK;
}
#define ENTER(h) do { if (!(h)) return BADARG; ret_t r_ = inj((h), __func__); if (r_) return r_; } while (0)
static ret_t str(H h, const char *key, char *o, u32 n) {
    const char *v = h ? lookh(h, key) : look(key);
    if (!v) return NOSUP;
    if (strlen(v) + 1 > n) return SMALL;
    strcpy(o, v); return OK;
}
static ret_t num(H h, const char *key, u32 *o) {
    const char *v = lookh(h, key);
    if (!v) return NOSUP;
    *o = (u32)strtoul(v, NULL, 0); return OK;
}
static int num64(H h, const char *key, u64 *o) {
    const char *v = lookh(h, key);
    if (!v) return 0;
    *o = strtoull(v, NULL, 0); return 1;
}

/* ---- library life cycle ------------------------------------------------ */
API ret_t nvmlInitWithFlags(u32 flags) {
    (void)flags; load();
    const char *v = look("init_error");
    if (v && atoi(v)) return atoi(v);
    refs++; return OK;
}
API ret_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
API ret_t nvmlShutdown(void) { if (!refs) return UNINIT; refs--; return OK; }
API const char *nvmlErrorString(ret_t r) {
    static char b[48]; snprintf(b, sizeof b, "fake NVML error %d", r); return b; }
API ret_t nvmlSystemGetDriverVersion(char *o, u32 n) { ret_t r = inj(NULL, __func__); return r ? r : str(NULL, "driver", o, n); }
API ret_t nvmlSystemGetNVMLVersion(char *o, u32 n) { ret_t r = inj(NULL, __func__); return r ? r : str(NULL, "nvml", o, n); }
API ret_t nvmlSystemGetCudaDriverVersion(int *o) { ret_t r = inj(NULL, __func__); if (r) return r; const char *v = look("cuda"); if (!v) return NOSUP; *o = atoi(v); return OK; }
API ret_t nvmlSystemGetCudaDriverVersion_v2(int *o) { return nvmlSystemGetCudaDriverVersion(o); }

/* ---- enumeration -------------------------------------------------------- */
API ret_t nvmlDeviceGetCount_v2(u32 *o) { ret_t r = inj(NULL, __func__); if (r) return r; *o = (u32)ndev(); return OK; }
API ret_t nvmlDeviceGetHandleByIndex_v2(u32 i, H *o) {
    if (!refs) return UNINIT;
    if ((int)i >= ndev()) return BADARG;
    ENTER(&devs[i]); *o = &devs[i]; return OK;
}
API ret_t nvmlDeviceGetHandleByUUID(const char *u, H *o) {
    if (!refs) return UNINIT;
    for (int i = 0; i < ndev(); i++) {
        const char *v = lookh(&devs[i], "uuid");
        if (v && !strcmp(v, u)) { *o = &devs[i]; return OK; }
        for (int j = 0; j < MAXMIG; j++) { v = lookh(&migs[i][j], "uuid");
            if (v && !strcmp(v, u)) { *o = &migs[i][j]; return OK; } }
    }
    return NOTFOUND;
}
API ret_t nvmlDeviceGetIndex(H h, u32 *o) { ENTER(h); *o = (u32)h->index; return OK; }
API ret_t nvmlDeviceGetMinorNumber(H h, u32 *o) { ENTER(h); *o = (u32)h->index; return OK; }
API ret_t nvmlDeviceGetName(H h, char *o, u32 n) { ENTER(h); return str(h, "name", o, n); }
API ret_t nvmlDeviceGetUUID(H h, char *o, u32 n) { ENTER(h); return str(h, "uuid", o, n); }
API ret_t nvmlDeviceGetSerial(H h, char *o, u32 n) { ENTER(h); return str(h, "serial", o, n); }
API ret_t nvmlDeviceGetBrand(H h, u32 *o) { ENTER(h); return num(h, "brand", o); }
API ret_t nvmlDeviceGetArchitecture(H h, u32 *o) { ENTER(h); return num(h, "arch", o); }
API ret_t nvmlDeviceGetCudaComputeCapability(H h, int *ma, int *mi) {
    ENTER(h); const char *v = lookh(h, "cc"); if (!v) return NOSUP;
    return sscanf(v, "%d.%d", ma, mi) == 2 ? OK : NOSUP; }
API ret_t nvmlDeviceGetNumGpuCores(H h, u32 *o) { ENTER(h); return num(h, "cores", o); }
typedef struct { char legacy[16]; u32 domain, bus, device, id, subid; char busid[32]; } pci_t;
static ret_t pci(H h, pci_t *o) {
    const char *v = lookh(h, "pci"); u32 d, b, s, f;
    if (!v || sscanf(v, "%x:%x:%x.%x", &d, &b, &s, &f) != 4) return NOSUP;
    memset(o, 0, sizeof *o);
    snprintf(o->legacy, sizeof o->legacy, "%04X:%02X:%02X.%u", d & 0xffff, b & 0xff, s & 0xff, f & 7);
    snprintf(o->busid, sizeof o->busid, "%08X:%02X:%02X.%u", d, b, s, f);
    o->domain = d; o->bus = b; o->device = s;
    u64 x = 0; if (num64(h, "pci_id", &x)) o->id = (u32)x;
    x = 0; if (num64(h, "pci_subid", &x)) o->subid = (u32)x;
    return OK;
}
API ret_t nvmlDeviceGetPciInfo_v3(H h, pci_t *o) { ENTER(h); return pci(h, o); }

/* ---- memory ------------------------------------------------------------- */
typedef struct { u64 total, free, used; } mem1_t;
typedef struct { u32 version; u64 total, reserved, free, used; } mem2_t;
_Static_assert(sizeof(mem2_t) == 0x28, "NVML v2 memory struct is 40 bytes");
API ret_t nvmlDeviceGetMemoryInfo(H h, mem1_t *o) {
    ENTER(h); u64 t, r = 0, u = 0;
    if (!num64(h, "mem.total", &t)) return NOSUP;
    num64(h, "mem.reserved", &r); num64(h, "mem.used", &u);
    o->total = t; o->used = u + r; o->free = t - u - r;   /* v1 counts reserved as used */
    return OK;
}
#ifndef FAKE_NVML_OLD_DRIVER
API ret_t nvmlDeviceGetMemoryInfo_v2(H h, mem2_t *o) {
    ENTER(h); u64 t, r = 0, u = 0;
    if (o->version != (sizeof(mem2_t) | (2u << 24))) return VERMIS;
    if (!num64(h, "mem.total", &t)) return NOSUP;
    num64(h, "mem.reserved", &r); num64(h, "mem.used", &u);
    o->total = t; o->reserved = r; o->used = u; o->free = t - u - r;
    return OK;
}
API ret_t nvmlDeviceGetMemoryBusWidth(H h, u32 *o) { ENTER(h); return num(h, "mem.bus_width", o); }
typedef struct { u32 version, value; } addr_t;
API ret_t nvmlDeviceGetAddressingMode(H h, addr_t *o) { ENTER(h); return num(h, "addressing_mode", &o->value); }
#endif
API ret_t nvmlDeviceGetBAR1MemoryInfo(H h, mem1_t *o) {
    ENTER(h); u64 t, u = 0; if (!num64(h, "bar1.total", &t)) return NOSUP;
    num64(h, "bar1.used", &u); o->total = t; o->used = u; o->free = t - u; return OK; }
API ret_t nvmlDeviceGetEccMode(H h, u32 *c, u32 *p) { ENTER(h); ret_t r = num(h, "ecc", c); if (!r) *p = *c; return r; }

/* ---- clocks, power, PCIe ------------------------------------------------ */
static ret_t clk(H h, const char *what, u32 type, u32 *o) {
    static const char *n[] = { "graphics", "sm", "mem", "video" }; char b[48];
    if (type > 3) return BADARG;
    snprintf(b, sizeof b, "clock.%s.%s", what, n[type]); return num(h, b, o); }
API ret_t nvmlDeviceGetMaxClockInfo(H h, u32 t, u32 *o) { ENTER(h); return clk(h, "max", t, o); }
API ret_t nvmlDeviceGetClockInfo(H h, u32 t, u32 *o) { ENTER(h); return clk(h, "cur", t, o); }
API ret_t nvmlDeviceGetPowerManagementDefaultLimit(H h, u32 *o) { ENTER(h); return num(h, "power.default_mw", o); }
API ret_t nvmlDeviceGetPowerManagementLimit(H h, u32 *o) { ENTER(h); return num(h, "power.limit_mw", o); }
API ret_t nvmlDeviceGetEnforcedPowerLimit(H h, u32 *o) { ENTER(h); return num(h, "power.enforced_mw", o); }
API ret_t nvmlDeviceGetPowerManagementLimitConstraints(H h, u32 *a, u32 *b) { ENTER(h); ret_t r = num(h, "power.min_mw", a); return r ? r : num(h, "power.max_mw", b); }
API ret_t nvmlDeviceGetPowerUsage(H h, u32 *o) { ENTER(h); return num(h, "power.usage_mw", o); }
API ret_t nvmlDeviceGetMaxPcieLinkGeneration(H h, u32 *o) { ENTER(h); return num(h, "pcie.max_gen", o); }
API ret_t nvmlDeviceGetCurrPcieLinkGeneration(H h, u32 *o) { ENTER(h); return num(h, "pcie.cur_gen", o); }
API ret_t nvmlDeviceGetGpuMaxPcieLinkGeneration(H h, u32 *o) { ENTER(h); return num(h, "pcie.gpu_max_gen", o); }
API ret_t nvmlDeviceGetMaxPcieLinkWidth(H h, u32 *o) { ENTER(h); return num(h, "pcie.max_width", o); }
API ret_t nvmlDeviceGetCurrPcieLinkWidth(H h, u32 *o) { ENTER(h); return num(h, "pcie.cur_width", o); }
API ret_t nvmlDeviceGetTemperature(H h, u32 s, u32 *o) { (void)s; ENTER(h); return num(h, "temp", o); }
typedef struct { u32 gpu, memory; } util_t;
API ret_t nvmlDeviceGetUtilizationRates(H h, util_t *o) { ENTER(h); ret_t r = num(h, "util.gpu", &o->gpu); return r ? r : num(h, "util.mem", &o->memory); }
API ret_t nvmlDeviceGetVirtualizationMode(H h, u32 *o) { ENTER(h); return num(h, "virt_mode", o); }
API ret_t nvmlDeviceGetDisplayActive(H h, u32 *o) { ENTER(h); return num(h, "display_active", o); }

/* ---- NVLink / topology -------------------------------------------------- */
API ret_t nvmlDeviceGetNvLinkState(H h, u32 link, u32 *o) {
    ENTER(h); u32 n = 0; ret_t r = num(h, "nvlink.active", &n); if (r) return r;
    if (link >= 18) return BADARG;
    *o = link < n; return OK; }
API ret_t nvmlDeviceGetNvLinkVersion(H h, u32 link, u32 *o) { (void)link; ENTER(h); return num(h, "nvlink.version", o); }
API ret_t nvmlDeviceGetNvLinkRemotePciInfo_v2(H h, u32 link, pci_t *o) {
    ENTER(h); u32 n = 0, p = 0; ret_t r = num(h, "nvlink.active", &n); if (r) return r;
    if (link >= n) return BADARG;
    if (num(h, "nvlink.peer", &p)) return NOSUP;
    return pci(&devs[p % MAXDEV], o); }
API ret_t nvmlDeviceGetTopologyCommonAncestor(H a, H b, u32 *o) { (void)b; ENTER(a); return num(a, "topology", o); }
typedef union { double d; u32 u; unsigned long ul; u64 ull; long long sll; int si; unsigned short us; } val_t;
typedef struct { u32 field, scope; long long ts, lat; u32 type; ret_t ret; val_t v; } fv_t;
API ret_t nvmlDeviceGetFieldValues(H h, int n, fv_t *f) {
    ENTER(h);
    for (int i = 0; i < n; i++) {
        char b[48]; u64 x;
        snprintf(b, sizeof b, "field.%u", f[i].field);
        f[i].type = 1; f[i].ret = NOSUP; f[i].v.ull = 0;
        if (num64(h, b, &x)) { f[i].ret = OK; f[i].v.u = (u32)x; }
    }
    return OK;
}

/* ---- MIG ---------------------------------------------------------------- */
#ifndef FAKE_NVML_OLD_DRIVER
API ret_t nvmlDeviceGetMigMode(H h, u32 *c, u32 *p) { ENTER(h); ret_t r = num(h, "mig.mode", c); if (!r) *p = *c; return r; }
API ret_t nvmlDeviceGetMaxMigDeviceCount(H h, u32 *o) { ENTER(h); return num(h, "mig.max", o); }
API ret_t nvmlDeviceGetMigDeviceHandleByIndex(H h, u32 i, H *o) {
    ENTER(h); if (h->mig || i >= MAXMIG) return BADARG;
    if (!lookh(&migs[h->index][i], "uuid")) return NOTFOUND;
    *o = &migs[h->index][i]; return OK; }
API ret_t nvmlDeviceIsMigDeviceHandle(H h, u32 *o) { ENTER(h); *o = (u32)h->mig; return OK; }
API ret_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(H h, H *o) { ENTER(h); if (!h->mig) return BADARG; *o = &devs[h->parent]; return OK; }
API ret_t nvmlDeviceGetGpuInstanceId(H h, u32 *o) { ENTER(h); return num(h, "gi", o); }
API ret_t nvmlDeviceGetComputeInstanceId(H h, u32 *o) { ENTER(h); return num(h, "ci", o); }
typedef struct { u32 sm, ce, dec, enc, jpeg, ofa, gislices, cislices; u64 mb; } attr_t;
API ret_t nvmlDeviceGetAttributes_v2(H h, attr_t *o) {
    ENTER(h); if (!h->mig) return NOSUP;
    memset(o, 0, sizeof *o); num(h, "sm", &o->sm); num(h, "slices", &o->gislices);
    return num64(h, "memory_mb", &o->mb) ? OK : NOSUP; }
#endif

/* ---- processes ---------------------------------------------------------- */
typedef struct { u32 pid; u64 mem; u32 gi, ci; } proc_t;
static ret_t procs(H h, const char *kind, u32 *n, proc_t *o) {
    u32 have = 0; char b[64];
    snprintf(b, sizeof b, "%s.count", kind);
    if (num(h, b, &have)) have = 0;
    if (!have) { *n = 0; return OK; }
    if (*n < have) { *n = have; return SMALL; }
    if (!o) return BADARG;
    for (u32 i = 0; i < have; i++) {
        u64 x = 0;
        memset(&o[i], 0, sizeof o[i]);
        snprintf(b, sizeof b, "%s.%u.pid", kind, i); num64(h, b, &x); o[i].pid = (u32)x;
        if (o[i].pid == 0) o[i].pid = (u32)getpid();
        snprintf(b, sizeof b, "%s.%u.mem", kind, i);
        if (!num64(h, b, &o[i].mem)) o[i].mem = ~0ull;  /* NVML_VALUE_NOT_AVAILABLE: WDDM, WSL */
        o[i].gi = o[i].ci = 0xffffffffu;
    }
    *n = have; return OK;
}
#ifdef FAKE_NVML_OLD_DRIVER   /* R450-era: unsuffixed call, 16-byte struct without gi/ci */
typedef struct { u32 pid; u64 mem; } proc1_t;
API ret_t nvmlDeviceGetComputeRunningProcesses(H h, u32 *n, proc1_t *o) {
    ENTER(h); proc_t tmp[64]; u32 have = 64; ret_t r = procs(h, "proc", &have, tmp);
    if (r) return r;
    if (*n < have) { *n = have; return SMALL; }
    for (u32 i = 0; i < have; i++) { o[i].pid = tmp[i].pid; o[i].mem = tmp[i].mem; }
    *n = have; return OK; }
#else
API ret_t nvmlDeviceGetComputeRunningProcesses_v3(H h, u32 *n, proc_t *o) { ENTER(h); return procs(h, "proc", n, o); }
API ret_t nvmlDeviceGetGraphicsRunningProcesses_v3(H h, u32 *n, proc_t *o) { ENTER(h); return procs(h, "gproc", n, o); }
API ret_t nvmlDeviceGetMPSComputeRunningProcesses_v3(H h, u32 *n, proc_t *o) { ENTER(h); return procs(h, "mps", n, o); }
#endif
