/* The DNS records of a conformance file as a zone. */
#include "runner.h"

#include <postern/zone.h>
#include <string.h>

void append_hex(GString *into, const char *hex)
{
    for (; hex[0] && hex[1]; hex += 2)
        g_string_append_c(into, (char)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1])));
}

static void add_txt(Resolver *zone, const char *name, JsonObject *record)
{
    g_autoptr(GString) text = g_string_new(NULL);
    JsonArray *hex = json_list(record, "txt_hex"), *plain = json_list(record, "txt");
    JsonArray *strings = hex ? hex : plain;

    for (guint i = 0; strings && i < json_array_get_length(strings); i++) {
        if (hex)
            append_hex(text, json_array_get_string_element(strings, i));
        else
            g_string_append(text, json_array_get_string_element(strings, i));
    }
    zone_add_text(zone, name, text->str, text->len);
}

static void add_address(Resolver *zone, const char *name, DnsType type, JsonObject *record)
{
    IpAddress ip;

    if (ip_parse(json_str(record, "addr", ""), &ip))
        zone_add_ip(zone, name, type, &ip);
}

static void add_record(Resolver *zone, JsonObject *record)
{
    const char *name = json_str(record, "name", ""), *word = json_str(record, "type", "");
    const char *rcode = json_bool(record, "timeout", FALSE) ? "timeout" : json_str(record, "rcode", NULL);
    DnsType type = 0;

    zone_add_empty(zone, name);
    if (strcmp(word, "*") != 0 && !dns_type_parse(word, &type))
        return; /* the name exists, the type is none that anybody asks for */
    if (rcode)
        zone_add_error(zone, name, type, g_ascii_strcasecmp(rcode, "TIMEOUT") == 0 ? "timeout" : rcode);
    else if (type == DNS_TXT)
        add_txt(zone, name, record);
    else if (type == DNS_A || type == DNS_AAAA)
        add_address(zone, name, type, record);
    else if (type != 0)
        zone_add_name(zone, name, type, (guint)json_int(record, "pref", 0), json_str(record, "host", ""));
}

Resolver *zone_from_json(JsonArray *records)
{
    Resolver *zone = zone_new();

    for (guint i = 0; records && i < json_array_get_length(records); i++)
        add_record(zone, json_array_get_object_element(records, i));
    return zone;
}
